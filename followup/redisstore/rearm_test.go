package redisstore

import (
	"strings"
	"testing"
	"time"

	"wagate/followup"
)

// TestNothingIsLeftOfRearm: once a rearm has become a run, or was forgotten, the lead's hash must
// hold nothing of it. Otherwise the hash would grow by what nobody asks for.
func TestNothingIsLeftOfRearm(t *testing.T) {
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
					t.Errorf("%s: got field %s left, want no field of a rearm", phone, f)
				}
			}
		}
	})
}

// TestI5NoRearmByNoteOfOlderProgram: an older program does not know the field that notes that the
// business has spoken. So the field stays when that program settles the lead's answer or starts the
// run. A field that is left in this way must start no run.
func TestI5NoRearmByNoteOfOlderProgram(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for name, older := range map[string]func(p party, lead string) error{
			"its answer": func(p party, lead string) error {
				note, err := s.db.HGet(ctx, lead, "rb:"+string(p.assistant)).Result()
				if err != nil {
					return err
				}
				if _, err := s.Settle(ctx, p.saying(epoch.Add(time.Second), "I am here")); err != nil {
					return err
				}
				return s.db.HSet(ctx, lead, "rb:"+string(p.assistant), note).Err()
			},
			"its run": func(p party, lead string) error {
				return s.db.HDel(ctx, lead, "ra:"+string(p.assistant)).Err()
			},
		} {
			p := newParty()
			p.lead = mustResolve(t, s, p, followup.Identity{Phone: "15550100074"}, epoch)
			arm := followup.Arm{
				Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: time.Hour, RearmOnReply: true,
			}
			if _, _, err := s.Start(ctx, p.tenant, p.lead, arm, false, epoch, epoch); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Settle(ctx, p.saying(epoch, "reply")); err != nil {
				t.Fatal(err)
			}
			v, err := s.GuardSend(ctx, followup.GuardSend{
				Tenant: p.tenant, Lead: p.lead, Channel: p.channel, Assistant: p.assistant, Now: epoch, Real: epoch,
			})
			if err != nil || len(v.Rearm) != 1 {
				t.Fatalf("GuardSend: got %+v, %v, want a rearm", v, err)
			}
			if err := older(p, s.tag(p.lead).lead(p.lead)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			run, _, err := s.Start(ctx, p.tenant, p.lead, arm, true, epoch.Add(time.Minute), epoch.Add(time.Minute))
			if err != nil || run != "" {
				t.Errorf("Start after %s: got %q, %v, want no run", name, run, err)
			}
		}
	})
}
