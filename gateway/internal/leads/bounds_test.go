package leads_test

import (
	"strings"
	"testing"
)

// A text may have 200 characters, and an e-mail address is the address alone.
func TestI14BoundsOfFields(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for body, good := range map[string]bool{
		`{"phone":"` + ana + `","name":"` + strings.Repeat("é", 200) + `"}`:       true,
		`{"phone":"` + bo + `","name":"` + strings.Repeat("é", 201) + `"}`:        false,
		`{"name":"Ana","phone":"+5511912345670","email":"ana@example.com"}`:       true,
		`{"name":"Ana","phone":"+5511912345671","email":"Ana <ana@example.com>"}`: false,
	} {
		if _, err := h.Leads.Create(h.Ctx(), acme, []byte(body)); (err == nil) != good {
			t.Errorf("%s: got %v, want accepted %v", body, err, good)
		}
	}
}
