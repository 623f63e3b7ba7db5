package leads_test

import (
	"strings"
	"testing"

	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/fault"
)

// A text may have 200 characters, and an e-mail address is the address alone. Custom fields may have
// 100 keys of 64 bytes each, and 32 KiB as JSON.
func TestI14BoundsOfFields(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for body, good := range map[string]bool{
		`{"phone":"` + ana + `","name":"` + strings.Repeat("é", 200) + `"}`:       true,
		`{"phone":"` + bo + `","name":"` + strings.Repeat("é", 201) + `"}`:        false,
		`{"name":"Ana","phone":"+5511912345670","email":"ana@example.com"}`:       true,
		`{"name":"Ana","phone":"+5511912345671","email":"Ana <ana@example.com>"}`: false,

		`{"name":"Ana","phone":"+5511912345672","custom_fields":{"` + strings.Repeat("k", 64) + `":1}}`:         true,
		`{"name":"Ana","phone":"+5511912345673","custom_fields":{"k":"` + strings.Repeat("v", 32<<10-8) + `"}}`: true,
		`{"name":"Ana","phone":"+5511912345674","custom_fields":{"k":"` + strings.Repeat("v", 32<<10-7) + `"}}`: false,
		`{"name":"Ana","phone":"+5511912345675",` + manyFields("k", 100) + `}`:                                  true,
		`{"name":"Ana","phone":"+5511912345676",` + manyFields("k", 101) + `}`:                                  false,
	} {
		if _, err := h.Leads.Create(h.Ctx(), acme, []byte(body)); (err == nil) != good {
			t.Errorf("%s: got %v, want accepted %v", body, err, good)
		}
	}
}

// The bounds of custom fields hold for those on record and those added together.
func TestI14BoundsOfMergedFields(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	half := strings.Repeat("v", 17<<10)
	id := string(h.create(`{"name":"Ana","phone":"` + ana + `","custom_fields":{"a":"` + half + `"}}`).ID)
	backendtest.WantFault(t, h.update(id, `{"custom_fields":{"b":"`+half+`"}}`), fault.Validation,
		"custom_fields: would have more than 32768 bytes")
	id = string(h.create(`{"name":"Bo","phone":"` + bo + `",` + manyFields("k", 100) + `}`).ID)
	backendtest.WantFault(t, h.update(id, `{"custom_fields":{"one more":1}}`), fault.Validation,
		"custom_fields: would have more than 100 keys")
	if err := h.update(id, `{"custom_fields":{"one more":1,"k0":null}}`); err != nil {
		t.Errorf("one more in place of another: got error %v, want none", err)
	}
}
