package leads_test

import (
	"testing"
	"time"

	"wagate/gateway/internal/backendtest"
)

// TestI4WindowIsShownAsGuardSeesIt: the API shows a window as open exactly if the guard would allow
// free-form text to the identity on record.
func TestI4WindowIsShownAsGuardSeesIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.contact(ana)
	h.wrote(id, front, h.Now().Add(-time.Hour))
	shown := func(what string, want bool) {
		t.Helper()
		v := h.get(id)
		if w := v.Windows[0]; w.Open != want || (w.ClosesAt != nil) != want || v.LastInboundAt == nil {
			t.Errorf("%s: got %s, want window open: %v", what, backendtest.JSON(t, v), want)
		}
	}
	shown("the phone that wrote", true)
	for _, row := range []struct {
		what, body string
		want       bool
	}{
		{"another phone", `{"phone":"` + bo + `"}`, false},
		{"the phone that wrote again", `{"phone":"` + ana + `"}`, true},
		{"a user id in its place", `{"phone":null,"user_id":"BR.1"}`, false}, // linked before it is written
		{"the phone beside it", `{"phone":"` + ana + `"}`, true},
	} {
		if err := h.update(string(id), row.body); err != nil {
			t.Fatalf("%s: %v", row.what, err)
		}
		shown(row.what, row.want)
	}
}
