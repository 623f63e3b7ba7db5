package followup

import (
	"encoding/json"
	"strings"
	"testing"
)

// The ladder of a config without steps has an empty list of them, not null; the warning about an
// unknown channel says what is wrong.
func TestViewOfEmptyLadder(t *testing.T) {
	t.Parallel()
	v := ViewLadder(Config{}, vChannel, Tenant{}, nil)
	b, err := json.Marshal(v)
	if err != nil || !strings.Contains(string(b), `"steps":[]`) {
		t.Errorf("got %s (%v), want an empty list of steps", b, err)
	}
	if len(v.Warnings) != 1 || v.Warnings[0].Field != "channel_id" || v.Warnings[0].Problem == "" {
		t.Errorf("got warnings %+v, want one that says what is wrong with channel_id", v.Warnings)
	}
}
