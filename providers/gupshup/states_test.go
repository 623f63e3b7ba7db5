package gupshup

import (
	"fmt"
	"slices"
	"testing"
)

// TestOnlyMetaStatesRelayedAsStatuses checks that no state is relayed as a status that Meta does
// not have, because bots for the Cloud API may know no others. States of Gupshup's own are relayed
// under its own field, alike in both versions.
func TestOnlyMetaStatesRelayedAsStatuses(t *testing.T) {
	t.Parallel()
	metas := []string{"sent", "delivered", "read", "played", "failed"}
	for _, state := range append(metas, "enqueued", "ENQUEUED", "mismatch", "others", "hologram") {
		v2 := fmt.Sprintf(`{"app":"A","timestamp":1790000001234,"type":"message-event","payload":{"id":"w","gsId":"g","type":%q,`+
			`"destination":"15550163377","payload":{}}}`, state)
		v3 := fmt.Sprintf(`{"gs_app_id":"A","entry":[{"changes":[{"field":"messages","value":{"statuses":[{"gs_id":"g","id":"w",`+
			`"status":%q,"recipient_id":"15550163377"}]}}]}]}`, state)
		for version, body := range map[int]string{V2: v2, V3: v3} {
			in, err := Decode([]byte(body), testOptions)
			if err != nil || len(in.Events) != 1 || in.Version != version {
				t.Fatalf("%s in v%d: got %+v, %v, want one event", state, version, in, err)
			}
			want := "message-event"
			if slices.Contains(metas, state) || version == V3 && state != "enqueued" && state != "ENQUEUED" {
				want = "messages" // version 3 passes on what Meta says, which may be new
			}
			if got := in.Events[0].Field; got != want {
				t.Errorf("%s in v%d: got field %s, want %s", state, version, got, want)
			}
		}
	}
}
