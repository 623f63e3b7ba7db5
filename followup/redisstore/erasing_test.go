package redisstore

import (
	"errors"
	"testing"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI11AnErasureReachesWhatCameToATombstone has a lead come by another user id while what he
// had is being pointed to the one he became, and whoever took that in die. He never comes
// again.
func TestI11AnErasureReachesWhatCameToATombstone(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client()
	s, merging := openStore(t, Params{Client: server.Client()}), openStore(t, Params{Client: client})
	h := halve(t, s)
	third := h.another(t, s)
	mustResolve(t, s, h.party, followup.Identity{UserID: bothHalves.UserID, ExternalID: "crm-1"}, epoch)
	client.AddHook(meanwhile(realiasScript, func() {
		dying := server.Client()
		dying.AddHook(crashBefore(nameScript))
		who := followup.Identity{UserID: "US.9", OldUserID: bothHalves.UserID}
		if _, err := openStore(t, Params{Client: dying}).Resolve(t.Context(), h.tenant, who, true, epoch); !errors.Is(err, errCrash) {
			t.Errorf("Resolve: got %v, want the crash", err)
		}
	}))
	mustResolve(t, merging, h.party, bothHalves, epoch)
	h.erase(t, s, h.older)
	h.wantNobody(t, s)
	h.wantNothing(t, s, third)
}
