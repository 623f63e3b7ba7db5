package redisstore

import (
	"strings"
	"testing"
	"time"

	"wagate/followup"
)

// TestNothingIsLeftOfARearm that has become a run, or was forgotten: a lead's hash is
// not to grow by what nobody asks for any more.
func TestNothingIsLeftOfARearm(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p := t.Context(), newParty()
		arm := followup.Arm{
			Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: time.Hour, RearmOnReply: true,
		}
		start := func(lead followup.LeadID, rearm bool) error {
			_, _, err := s.Start(ctx, p.tenant, lead, arm, rearm, epoch, epoch)
			return err
		}
		for phone, end := range map[string]func(lead followup.LeadID) error{
			"15550100071": func(lead followup.LeadID) error { return start(lead, true) },
			"15550100072": func(lead followup.LeadID) error { return start(lead, false) },
			"15550100073": func(lead followup.LeadID) error {
				l, err := s.Lead(ctx, p.tenant, lead)
				if err != nil {
					return err
				}
				_, err = s.PutLead(ctx, followup.PutLead{Lead: l, StatusChanged: true, Now: epoch, Real: epoch})
				return err
			},
		} {
			lead := mustResolve(t, s, p, followup.Identity{Phone: phone}, epoch)
			if err := start(lead, false); err != nil {
				t.Fatal(err)
			}
			settleText(t, s, p, lead, "reply")
			v, err := s.GuardSend(ctx, followup.GuardSend{
				Tenant: p.tenant, Lead: lead, Channel: p.channel, Assistant: p.assistant, Now: epoch, Real: epoch,
			})
			if err != nil || len(v.Rearm) != 1 {
				t.Fatalf("GuardSend: got %+v, %v, want a rearm", v, err)
			}
			if err := end(lead); err != nil {
				t.Fatal(err)
			}
			for _, f := range s.db.HKeys(ctx, s.tag(lead).lead(lead)).Val() {
				if strings.HasPrefix(f, "ra:") || strings.HasPrefix(f, "rb:") {
					t.Errorf("%s: got %s left, want nothing of a rearm", phone, f)
				}
			}
		}
	})
}
