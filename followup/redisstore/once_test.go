package redisstore

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
)

// TestI2RepeatedRequests repeats calls with the request id of the call before, as the client does
// when it lost the answer. Each must get the same answer again.
func TestI2RepeatedRequests(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p := t.Context(), newParty()
		c := followup.Config{
			ID: followup.ConfigID(uuid.NewString()), TenantID: p.tenant, AssistantID: p.assistant,
			IsActive: true, CreatedAt: epoch, UpdatedAt: epoch,
		}
		later := c
		later.UpdatedAt = epoch.Add(time.Second)
		for _, step := range []struct {
			name string
			do   func() error
		}{
			{"CreateConfig", func() error { return s.CreateConfig(ctx, c) }},
			{"UpdateConfig", func() error {
				_, err := s.UpdateConfig(ctx, later, c.UpdatedAt, epoch, epoch)
				return err
			}},
		} {
			id := uuid.NewString()
			s.newToken = func() string { return id }
			for range 2 {
				if err := step.do(); err != nil {
					t.Errorf("%s: got %v, want none", step.name, err)
				}
			}
		}
		s.newToken = func() string { return "begin" }
		for range 2 {
			a, err := s.BeginKey(ctx, p.tenant, "k", "f", epoch, time.Minute)
			if err != nil || a.State != followup.KeyNew {
				t.Errorf("BeginKey: got %v, %v, want new", a.State, err)
			}
		}
		s.newToken = func() string { return "pace" }
		for range 3 {
			if w, err := s.Pace(ctx, p.channel, 1, 1, time.Minute, epoch); err != nil || w != 0 {
				t.Errorf("Pace: got %v, %v, want the same slot again", w, err)
			}
		}
		park := uuid.NewString() // as requests have them: what it is made of stands for itself
		s.newToken = func() string { return park }
		for range 3 {
			_, _ = s.Message(ctx, p.tenant, "wamid.1", &followup.Parked{At: epoch})
		}
		if parked, err := s.LinkMessage(ctx, p.tenant, followup.MessageRef{SenderID: "wamid.1"}); err != nil || len(parked) != 1 {
			t.Errorf("parked: got %d, %v, want 1", len(parked), err)
		}
	})
}

// TestI7ReleaseWhoseAnswerWasLost releases a step whose run is to end, and repeats that as the same
// request. Both answers must name the run that ended, because only one of them may arrive.
func TestI7ReleaseWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		c, _ := p.sending(t, s, mustResolve(t, s, p, followup.Identity{Phone: "15550100041"}, epoch))
		if _, err := s.Settle(t.Context(), followup.Settlement{
			Tenant: p.tenant, Lead: c.Run.Lead, Now: epoch, Real: epoch,
			Items: []followup.Item{{DedupID: "reply", Channel: p.channel, Assistant: p.assistant, At: epoch, Reply: true}},
		}); err != nil {
			t.Fatal(err)
		}
		want := followup.Ended{Run: c.Run.ID, Step: 1, Reason: followup.Replied}
		s.newToken = func() string { return "release" }
		for _, which := range []string{"first", "repeated"} {
			var told []followup.Ended
			s.onEnded = func(ended []followup.Ended) { told = append(told, ended...) }
			if err := s.ReleaseStep(t.Context(), followup.ReleaseStep{Run: c.Run.ID, Token: c.Token, Now: epoch, Real: epoch}); err != nil {
				t.Fatal(err)
			}
			if len(told) != 1 || told[0] != want {
				t.Errorf("%s: got ended %+v, want %+v", which, told, want)
			}
		}
	})
}

// TestI7GuardRepeatedLate repeats a guard's request after the first was answered, as from a
// connection that the client gave up. Whatever has changed meanwhile, the answer must be the same
// and the step must still be in sending.
func TestI7GuardRepeatedLate(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		for name, since := range map[string]func(p party) error{
			"nothing changed": func(party) error { return nil },
			"paused":          func(p party) error { return s.Pause(t.Context(), p.tenant, p.channel, true) },
		} {
			p := newParty()
			lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100042"}, epoch)
			p.start(t, s, lead, "c")
			c := claimStep(t, s)
			ordinary := s.newToken
			s.newToken = func() string { return "guard " + name }
			first := guardStep(t, s, c, nil)
			s.newToken = ordinary
			if err := since(p); err != nil {
				t.Fatal(err)
			}
			s.newToken = func() string { return "guard " + name }
			if again := guardStep(t, s, c, nil); !reflect.DeepEqual(again, first) {
				t.Errorf("%s: got %+v, want %+v again", name, again, first)
			}
			s.newToken = ordinary
			settleText(t, s, p, lead, "reply")
			if _, err := s.FinishStep(t.Context(), sent(c, first.Attempt)); err != nil {
				t.Errorf("%s: FinishStep: got %v, want none", name, err)
			}
			r, err := s.Run(t.Context(), p.tenant, c.Run.ID)
			if err != nil || len(r.Timeline) != 1 || r.Timeline[0].Outcome != followup.Sent || r.Reason != followup.Replied {
				t.Errorf("%s: got %+v, %v, want the step sent and the run ended as replied", name, r, err)
			}
		}
	})
}

// TestI7GuardRepeatedAfterTheNext repeats a guard's request after its worker, whose send the
// provider refused, has already asked again. The step must stay as the later answer says, and its
// result must be taken.
func TestI7GuardRepeatedAfterTheNext(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		for name, row := range map[string]struct {
			paused bool // whether the channel is paused when the worker asks again
			result followup.Outcome
		}{
			"which allowed it": {false, followup.Sent},
			"which refused it": {true, followup.Skipped},
		} {
			p := newParty()
			lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100043"}, epoch)
			p.start(t, s, lead, "c")
			c := claimStep(t, s)
			ordinary := s.newToken
			as := func(id string, after time.Duration) followup.Verdict {
				t.Helper()
				s.newToken = func() string { return id + name }
				defer func() { s.newToken = ordinary }()
				return guardStep(t, s, c, func(g *followup.GuardStep) {
					g.Now, g.Real = g.Now.Add(after), g.Real.Add(after)
				})
			}
			f := sent(c, as("first", 0).Attempt)
			pause := func(yes bool) {
				t.Helper()
				s.newToken = ordinary
				if err := s.Pause(t.Context(), p.tenant, p.channel, yes); err != nil {
					t.Fatal(err)
				}
			}
			pause(row.paused)
			if v := as("second", time.Second); v.Attempt != "" {
				f.Attempt = v.Attempt
			}
			pause(false)
			as("first", 0)
			f.Outcome = row.result
			if _, err := s.FinishStep(t.Context(), f); err != nil {
				t.Errorf("%s: FinishStep: got %v, want none", name, err)
			}
		}
	})
}

// asRequest runs do with this id for all of its requests, so that a second do repeats the first.
func asRequest(s *Store, id string, do func()) {
	ordinary := s.newToken
	s.newToken = func() string { return id }
	defer func() { s.newToken = ordinary }()
	do()
}

// TestI5StartRepeatedLate repeats the request of a run started by hand after the lead has answered.
// The answer must be the same run, and no new run may start.
func TestI5StartRepeatedLate(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100044"}, epoch)
		start := func() (run followup.RunID) {
			t.Helper()
			asRequest(s, "by hand", func() { run = p.start(t, s, lead, "c") })
			return run
		}
		first := start()
		settleText(t, s, p, lead, "an answer")
		if again := start(); again != first {
			t.Errorf("Start repeated: got %s, want %s again", again, first)
		}
		runs, err := s.Runs(t.Context(), p.tenant, lead)
		if err != nil || len(runs) != 1 || runs[0].Reason != followup.Replied {
			t.Errorf("Runs: got %+v, %v, want one that ended as replied", runs, err)
		}
		if other := p.start(t, s, lead, "c"); other == first {
			t.Errorf("another Start: got %s again, want another run", other)
		}
	})
}

// TestI5StartRepeatedAfterRearm: a start by hand is repeated after the lead has answered, the
// business has written and the run has been started anew. The repetition answers the first run, and
// the new one goes on.
func TestI5StartRepeatedAfterRearm(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100045"}, epoch)
		arm := followup.Arm{
			Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: time.Hour, RearmOnReply: true,
		}
		byHand := func() (run followup.RunID) {
			t.Helper()
			asRequest(s, "by hand", func() {
				var err error
				if run, _, err = s.Start(t.Context(), p.tenant, lead, arm, false, epoch, epoch); err != nil {
					t.Fatal(err)
				}
			})
			return run
		}
		first := byHand()
		settleText(t, s, p, lead, "an answer")
		if _, err := s.GuardSend(t.Context(), followup.GuardSend{
			Tenant: p.tenant, Lead: lead, Channel: p.channel, Assistant: p.assistant, Now: epoch, Real: epoch,
		}); err != nil {
			t.Fatal(err)
		}
		anew, _, err := s.Start(t.Context(), p.tenant, lead, arm, true, epoch, epoch)
		if err != nil || anew == "" {
			t.Fatalf("Start: got %q, %v, want a run", anew, err)
		}
		if again := byHand(); again != first {
			t.Errorf("repeated: got %s, want %s again", again, first)
		}
		if r, err := s.Run(t.Context(), p.tenant, anew); err != nil || r.State != followup.RunArmed {
			t.Errorf("the run started anew: got %+v, %v, want it armed", r, err)
		}
	})
}

// TestParkedReceiptsAreBounded: only the latest maxParked receipts may be kept for an id.
func TestParkedReceiptsAreBounded(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		for i := range 3 * maxParked {
			_, _ = s.Message(t.Context(), p.tenant, "id}x", &followup.Parked{At: epoch.Add(time.Duration(i) * time.Second)})
		}
		parked, err := s.LinkMessage(t.Context(), p.tenant, followup.MessageRef{ProviderID: "id}x"})
		if err != nil || len(parked) != maxParked {
			t.Fatalf("parked: got %d, %v, want %d", len(parked), err, maxParked)
		}
		if last := parked[maxParked-1].At; !last.Equal(epoch.Add((3*maxParked - 1) * time.Second)) {
			t.Errorf("newest kept: got one at %v, want the last", last)
		}
	})
}

// TestLinkKeepsWhatIsKnown has two callers link the same message, both of whom read before that it
// was not linked. What the first one wrote must stay.
func TestLinkKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		lead := p.lead
		first := followup.MessageRef{Attempt: lead.Attempt(1), SenderID: "s", ProviderID: "p", Opaque: "o"}
		second := followup.MessageRef{Attempt: lead.Attempt(2), SenderID: "s", ProviderID: "q", Opaque: "x"}
		for _, ref := range []followup.MessageRef{first, second} {
			if have, _, err := s.link(t.Context(), p.tenant, "s", ref); err != nil || have != first {
				t.Errorf("link: got %+v, %v, want %+v", have, err, first)
			}
		}
	})
}

// TestLinksThatCross learns the sender's id, and the provider's id with the attempt, in separate
// calls, and then that the two ids name one message. Either id must then find all of it.
func TestLinksThatCross(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		attempt := p.lead.Attempt(1)
		for _, ref := range []followup.MessageRef{
			{SenderID: "s"},
			{ProviderID: "p", Attempt: attempt},
			{SenderID: "s", ProviderID: "p"},
		} {
			if _, err := s.LinkMessage(t.Context(), p.tenant, ref); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range []string{"s", "p"} {
			got, err := s.Message(t.Context(), p.tenant, id, nil)
			if want := (followup.MessageRef{Attempt: attempt, SenderID: "s", ProviderID: "p"}); err != nil || got != want {
				t.Errorf("%s: got %+v, %v, want %+v", id, got, err, want)
			}
		}
	})
}
