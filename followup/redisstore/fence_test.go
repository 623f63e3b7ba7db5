package redisstore

import (
	"cmp"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// step starts a run of the party, with a first step that is due at epoch.
func (p party) step(t *testing.T, s *Store, config followup.ConfigID) followup.RunID {
	t.Helper()
	return p.start(t, s, mustResolve(t, s, p, followup.Identity{ExternalID: string(p.lead)}, epoch), config)
}

// start starts a run of the lead, with a first step that is due at epoch.
func (p party) start(t *testing.T, s *Store, lead followup.LeadID, config followup.ConfigID) followup.RunID {
	t.Helper()
	run, _, err := s.Start(t.Context(), p.tenant, lead, followup.Arm{
		Config: config, Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: time.Minute,
	}, false, epoch.Add(-time.Minute), epoch)
	if err != nil || run == "" {
		t.Fatalf("Start: got %q, %v, want a run", run, err)
	}
	return run
}

// sending starts a run of the lead and takes its step into sending. It returns the step and its
// attempt.
func (p party) sending(t *testing.T, s *Store, lead followup.LeadID) (followup.Claimed, followup.AttemptID) {
	t.Helper()
	p.start(t, s, lead, "c")
	c := claimStep(t, s)
	return c, guardStep(t, s, c, nil).Attempt
}

// sent returns the result of such a step: a text went out, and it was the last step.
func sent(c followup.Claimed, attempt followup.AttemptID) followup.FinishStep {
	return followup.FinishStep{
		Run: c.Run.ID, Token: c.Token, Attempt: attempt, Kind: followup.KindAI, Outcome: followup.Sent,
		Reason: followup.ByAI, Text: "hello", Next: -1, Now: epoch, Real: epoch,
	}
}

// claimSteps claims up to ten steps that are due at epoch.
func claimSteps(t *testing.T, s *Store) followup.Batch {
	t.Helper()
	b, err := s.Claim(t.Context(), followup.ClaimParams{Now: epoch, Real: epoch, Limit: 10, Lease: time.Minute})
	if err != nil {
		t.Fatalf("Claim: %v", err)
	}
	return b
}

// claimStep is claimSteps, and ends the test unless there is exactly one step.
func claimStep(t *testing.T, s *Store) followup.Claimed {
	t.Helper()
	b := claimSteps(t, s)
	if len(b.Steps) != 1 {
		t.Fatalf("claimed: got %d steps, want 1", len(b.Steps))
	}
	return b.Steps[0]
}

// guardStep asks the guard to allow the step, with what edit, if there is one, changes.
func guardStep(t *testing.T, s *Store, c followup.Claimed, edit func(*followup.GuardStep)) followup.Verdict {
	t.Helper()
	g := followup.GuardStep{Run: c.Run.ID, Token: c.Token, To: c.Lead.Contact(), Now: epoch, Real: epoch, Lease: time.Minute}
	if edit != nil {
		edit(&g)
	}
	v, err := s.GuardStep(t.Context(), g)
	if err != nil {
		t.Fatalf("GuardStep: %v", err)
	}
	return v
}

// TestI5ConfigTurnedOffHalfWay kills the process that turns a config off, or deletes it, after the
// guards know and before any run has ended. Whatever meets such a run must end it.
func TestI5ConfigTurnedOffHalfWay(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, Params{Client: server.Client()})
	dying := server.Client()
	dying.AddHook(crashBefore(endScript))
	crashing := openStore(t, Params{Client: dying})

	ways := []struct {
		why followup.Reason
		do  func(followup.Config) error
	}{
		{followup.ConfigOff, func(c followup.Config) error {
			c.IsActive, c.UpdatedAt = false, epoch.Add(time.Second)
			_, err := crashing.UpdateConfig(t.Context(), c, epoch, epoch, epoch)
			return err
		}},
		{followup.ConfigGone, func(c followup.Config) error {
			_, err := crashing.DeleteConfig(t.Context(), c.TenantID, c.ID, false, epoch, epoch)
			return err
		}},
	}
	for _, way := range ways {
		// Each way calls off, has something meet the run, and returns the ends that this reported.
		meet := map[string]func(t *testing.T, off func(), p party, run followup.RunID) []followup.Ended{
			"a claim": func(t *testing.T, off func(), _ party, _ followup.RunID) []followup.Ended {
				off()
				b := claimSteps(t, s)
				if len(b.Steps) != 0 {
					t.Errorf("claimed: got %d steps, want none", len(b.Steps))
				}
				return b.Ended
			},
			"the guard": func(t *testing.T, off func(), _ party, _ followup.RunID) []followup.Ended {
				c := claimStep(t, s)
				off()
				v := guardStep(t, s, c, nil)
				if v.Refusal != followup.RefusedStale {
					t.Errorf("GuardStep: got %q, want RefusedStale", v.Refusal)
				}
				return v.Ended
			},
			"the guard, between two tries": func(t *testing.T, off func(), _ party, _ followup.RunID) []followup.Ended {
				c := claimStep(t, s)
				guardStep(t, s, c, nil)
				off()
				return guardStep(t, s, c, nil).Ended
			},
			"the guard, before pause and window": func(t *testing.T, off func(), p party, _ followup.RunID) []followup.Ended {
				c := claimStep(t, s)
				off()
				if err := s.Pause(t.Context(), p.tenant, p.channel, true); err != nil {
					t.Fatal(err)
				}
				return guardStep(t, s, c, func(g *followup.GuardStep) { g.FreeForm = true }).Ended
			},
		}
		for name, end := range meet {
			t.Run(fmt.Sprintf("%s meets %s", name, way.why), func(t *testing.T) {
				p := newParty()
				c := followup.Config{
					ID: followup.ConfigID(uuid.NewString()), TenantID: p.tenant, AssistantID: p.assistant,
					IsActive: true, CreatedAt: epoch, UpdatedAt: epoch,
				}
				if err := s.CreateConfig(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				run := p.step(t, s, c.ID)
				got := end(t, func() {
					if err := way.do(c); !errors.Is(err, errCrash) {
						t.Fatalf("turning the config off: got %v, want the crash", err)
					}
				}, p, run)
				if want := (followup.Ended{Run: run, Step: 1, Reason: way.why}); len(got) != 1 || got[0] != want {
					t.Errorf("ended: got %+v, want %+v", got, want)
				}
				r, err := s.Run(t.Context(), p.tenant, run)
				if err != nil || r.State != followup.RunEnded || r.Reason != way.why || len(r.Timeline) != 1 ||
					r.Timeline[0].Outcome != followup.Cancelled {
					t.Errorf("run: got %+v, %v, want it ended and its step cancelled", r, err)
				}
			})
		}
		for _, said := range []followup.Reason{"", followup.Unreachable} {
			t.Run(fmt.Sprintf("a result %s meets %s", said, way.why), func(t *testing.T) {
				p := newParty()
				cfg := followup.Config{
					ID: followup.ConfigID(uuid.NewString()), TenantID: p.tenant, AssistantID: p.assistant,
					IsActive: true, CreatedAt: epoch, UpdatedAt: epoch,
				}
				if err := s.CreateConfig(t.Context(), cfg); err != nil {
					t.Fatal(err)
				}
				run := p.step(t, s, cfg.ID)
				c := claimStep(t, s)
				v := guardStep(t, s, c, nil)
				if err := way.do(cfg); !errors.Is(err, errCrash) {
					t.Fatalf("turning the config off: got %v, want the crash", err)
				}
				out, err := s.FinishStep(t.Context(), followup.FinishStep{
					Run: run, Token: c.Token, Attempt: v.Attempt, Kind: followup.KindTemplate, Outcome: followup.Sent,
					Reason: followup.ByTemplate, Next: 1, Interval: time.Minute, EndReason: said, Now: epoch, Real: epoch,
				})
				if err != nil || out.State != followup.RunEnded {
					t.Errorf("FinishStep: got %+v, %v, want the run ended", out, err)
				}
				want := cmp.Or(said, way.why) // a reason that the result gives comes before the config's
				if r, err := s.Run(t.Context(), p.tenant, run); err != nil || r.Reason != want {
					t.Errorf("run: got %v, %v, want %v", r.Reason, err, want)
				}
			})
		}
	}
}

// TestI5GuardReadsTheLeadItself changes the lead's hash directly, so that nothing ends the lead's
// runs. The guard must read the hash and refuse.
func TestI5GuardReadsTheLeadItself(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		run := p.step(t, s, followup.ConfigID(uuid.NewString()))
		c := claimStep(t, s)
		mark := func(field, value string) {
			key := s.tag(run.Lead()).lead(run.Lead())
			if err := s.db.HSet(t.Context(), key, field, value).Err(); err != nil {
				t.Fatal(err)
			}
		}
		marketing := func(g *followup.GuardStep) { g.Marketing = true }
		mark("oo", "1")
		if got := guardStep(t, s, c, nil).Refusal; got != followup.Allowed {
			t.Errorf("opted out, no marketing: got %q, want Allowed", got)
		}
		if got := guardStep(t, s, c, marketing).Refusal; got != followup.RefusedOptedOut {
			t.Errorf("opted out, marketing: got %q, want opted_out", got)
		}
		if err := s.Pause(t.Context(), p.tenant, "", true); err != nil {
			t.Fatal(err)
		}
		if got := guardStep(t, s, c, marketing).Refusal; got != followup.RefusedOptedOut {
			t.Errorf("opted out and paused: got %q, want opted_out first", got)
		}
		mark("mv", string(followup.NewLeadID()))
		if got := guardStep(t, s, c, nil).Refusal; got != followup.RefusedLeadMoved {
			t.Errorf("merged: got %q, want lead_moved", got)
		}
	})
}

// TestI2DedupComparesWholeRecords stores first sights in which an id's bytes stand across two
// records, where they mean nothing, and then also in a record of its own.
func TestI2DedupComparesWholeRecords(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		id := string(dedupID("d"))
		key := s.tag(p.lead).dedup(p.lead)
		now := []byte{0x69, 0xA5, 0x5A, 0x10} // seconds of about epoch
		other := "\x01\x02\x03\x04\x05" + id[:3]
		across := other + id[3:7] + id[7:] + "1234567" + string(now)
		// Bytes 3 to 6 of the id are the first record's time; that record must not look old.
		if err := s.db.Set(t.Context(), key, across, 0).Err(); err != nil {
			t.Fatal(err)
		}
		settle := func() bool {
			out, err := s.Settle(t.Context(), followup.Settlement{
				Tenant: p.tenant, Lead: p.lead, Now: epoch, Real: epoch,
				Items: []followup.Item{{DedupID: "d", Channel: p.channel, Assistant: p.assistant, At: epoch}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return out.Fresh[0]
		}
		if !settle() {
			t.Error("id across two records: got a duplicate, want it fresh")
		}
		if err := s.db.Set(t.Context(), key, across+id+string(now), 0).Err(); err != nil {
			t.Fatal(err)
		}
		if settle() {
			t.Error("an id with a record of its own behind that: got it fresh, want a duplicate")
		}
	})
}
