package redisstore

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// TestI6ClaimChecksItsCandidates gives the claim script candidates whose state has changed since
// the plain reads saw them.
func TestI6ClaimChecksItsCandidates(t *testing.T) {
	t.Parallel()
	const msec, lease = time.Millisecond, time.Minute
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		run := p.step(t, s, followup.ConfigID(uuid.NewString())) // due at epoch
		take := func(token string, now, real time.Time) []followup.Claimed {
			t.Helper()
			b, _, err := s.claimIn(t.Context(), s.partition(run.Lead()), []candidate{{run: run, tenant: p.tenant}}, token,
				followup.ClaimParams{Now: now, Real: real, Limit: 1, Lease: lease})
			if err != nil {
				t.Fatal(err)
			}
			return b.Steps
		}
		far := 24 * time.Hour
		for _, row := range []struct {
			name      string
			token     string
			now, real time.Time
			want      int
		}{
			{"not due yet", "a", epoch.Add(-msec), epoch.Add(far), 0},
			{"due", "a", epoch, epoch, 1},
			{"the same request again", "a", epoch, epoch, 1},
			{"under lease", "b", epoch.Add(far), epoch.Add(lease - msec), 0},
			{"after its lease", "b", epoch, epoch.Add(lease), 1},
			{"under its new lease", "c", epoch.Add(far), epoch.Add(2*lease - msec), 0},
		} {
			got := take(row.token, row.now, row.real)
			if len(got) != row.want {
				t.Fatalf("%s: got %d steps, want %d", row.name, len(got), row.want)
			}
			if len(got) > 0 && got[0].Crashed {
				t.Errorf("%s: got Crashed, want it not crashed, as nothing was sent", row.name)
			}
		}
		if err := s.ReleaseStep(t.Context(), followup.ReleaseStep{Run: run, Token: "b", Until: epoch.Add(time.Hour), Now: epoch, Real: epoch}); err != nil {
			t.Fatal(err)
		}
		if got := take("b", epoch.Add(lease), epoch.Add(lease)); len(got) != 0 {
			t.Errorf("repeated request for a step given back since: got %d steps, want 0", len(got))
		}
	})
}

// TestI6EndNeedsTheToken ends a run whose step is in sending. With any token but the current one
// nobody knows whether the step was sent, so the run waits for the step's result.
func TestI6EndNeedsTheToken(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		for _, row := range []struct {
			token func(followup.Claimed) string
			want  followup.RunState
		}{
			{func(followup.Claimed) string { return "an old one" }, followup.RunSending},
			{func(followup.Claimed) string { return "" }, followup.RunSending},
			{func(c followup.Claimed) string { return c.Token }, followup.RunEnded},
		} {
			p := newParty()
			run := p.step(t, s, followup.ConfigID(uuid.NewString()))
			c := claimStep(t, s)
			guardStep(t, s, c, nil)
			req := endRequest{Reason: followup.ConfigOff, Token: row.token(c)}
			if _, err := s.endRun(t.Context(), p.tenant, run, req, epoch, epoch); err != nil {
				t.Fatal(err)
			}
			if r, err := s.Run(t.Context(), p.tenant, run); err != nil || r.State != row.want {
				t.Errorf("ended with token %q: got state %v, %v, want %v", req.Token, r.State, err, row.want)
			}
		}
	})
}

// TestI7StrayIndexEntriesAreRemoved puts entries into the indexes that stand for nothing, as a
// restored or half-lost Redis may have them. They are removed when a claim meets them, and no
// poller spins on them.
func TestI7StrayIndexEntriesAreRemoved(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p := t.Context(), newParty()
		at, member := float64(ms(epoch)), string(p.lead.Run(1))
		tag := s.tag(p.lead)
		key := tag.lead(p.lead)
		put := func(set, member string) {
			t.Helper()
			if err := s.db.ZAdd(ctx, set, redis.Z{Score: at, Member: member}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.db.HSet(ctx, key, "v", "1", "t", string(p.tenant)).Err(); err != nil {
			t.Fatal(err)
		}
		put(tag.stepsDue(p.tenant), member)
		put(tag.stepsIndex(), string(p.tenant))
		put(tag.stepsLeases(), member)
		put(tag.relayDue(p.assistant), string(p.lead))
		put(tag.relayIndex(), string(p.assistant))
		if err := s.db.HSet(ctx, tag.frozen(p.lead, p.assistant), "v", "1", "id", "x", "n", "1", "first", "1", "tries", "0").Err(); err != nil {
			t.Fatal(err)
		}
		if b := claimSteps(t, s); len(b.Steps) != 0 {
			t.Errorf("steps: got %d, want none", len(b.Steps))
		}
		if got := claimAll(t, s, epoch); len(got) != 0 {
			t.Errorf("deliveries: got %d, want none", len(got))
		}
		if b := claimSteps(t, s); b.Wait(1) != time.Hour {
			t.Errorf("next step: got %v, want nothing for an hour", b.Next)
		}
		_, next, err := s.ClaimDeliveries(ctx, followup.ClaimDeliveries{Real: epoch, Limit: 1, MaxEvents: 1, Lease: time.Minute})
		if err != nil || next != time.Hour {
			t.Errorf("next delivery: got %v, %v, want nothing for an hour", next, err)
		}
		p.mustSay(t, s, "new", epoch)
		if d := claimOne(t, s, epoch); d.ID == "x" || textsIn(d) != "new " {
			t.Errorf("the next delivery: got %q with %q, want a new id with the new event alone", d.ID, textsIn(d))
		}
	})
}

// TestI3CutOverInTheFuture has a CRM whose clock is ahead set a cut-over in the future: the window
// counts from now.
func TestI3CutOverInTheFuture(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		settleText(t, s, p, p.lead, "m")
		l, err := s.Lead(t.Context(), p.tenant, p.lead)
		if err != nil {
			t.Fatal(err)
		}
		l.Channel = p.channel
		now := epoch.Add(time.Hour)
		if _, err := s.PutLead(t.Context(), followup.PutLead{Lead: l, WindowFrom: now.Add(time.Hour), Now: now, Real: now}); err != nil {
			t.Fatal(err)
		}
		l, err = s.Lead(t.Context(), p.tenant, p.lead)
		if got := l.Windows[p.channel].LastInbound; err != nil || !got.Equal(now) {
			t.Errorf("window: got it counted from %v, %v, want from now, %v", got, err, now)
		}
	})
}

// TestControlOutlivesALostMaster loses the tenant's master of the control state, as a crash of
// Redis may. The next change must still count, although copies of the old state exist.
func TestControlOutlivesALostMaster(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		if err := s.Pause(t.Context(), p.tenant, p.channel, true); err != nil {
			t.Fatal(err)
		}
		if err := s.db.Del(t.Context(), controlMasterKey(p.tenant)).Err(); err != nil {
			t.Fatal(err)
		}
		s.now = func() time.Time { return time.Now().Add(time.Hour) }
		if err := s.Pause(t.Context(), p.tenant, p.channel, false); err != nil {
			t.Fatal(err)
		}
		if got := copies(t, s, "ch:"+string(p.channel), ""); got != s.partitions {
			t.Errorf("resumed: got %d partitions, want %d", got, s.partitions)
		}
	})
}

// TestI1EveryEndIsReported checks that a run that ends beside a call's result is reported to
// OnEnded exactly once, so that it is counted.
func TestI1EveryEndIsReported(t *testing.T) {
	t.Parallel()
	var told []followup.Ended
	client, stop, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s := openStore(t, Params{Client: client, Embedded: true, OnEnded: func(e []followup.Ended) { told = append(told, e...) }})
	ctx := t.Context()
	for _, way := range []struct {
		name string
		why  followup.Reason
		end  func(p party, lead followup.LeadID) error
	}{
		{"another status", followup.StatusLeft, func(p party, lead followup.LeadID) error {
			l, err := s.Lead(ctx, p.tenant, lead)
			if err != nil {
				return err
			}
			l.StatusID = "won"
			_, err = s.PutLead(ctx, followup.PutLead{Lead: l, StatusChanged: true, Now: epoch, Real: epoch})
			return err
		}},
		{"an opt-out that an API message met", followup.OptedOut, func(p party, lead followup.LeadID) error {
			v, err := s.GuardSend(ctx, followup.GuardSend{
				Tenant: p.tenant, Lead: lead, Channel: p.channel, Assistant: p.assistant, Now: epoch, Real: epoch,
			})
			if err != nil {
				return err
			}
			return s.RecordSend(ctx, followup.RecordSend{
				Tenant: p.tenant, Lead: lead, Channel: p.channel, Attempt: v.Attempt, OptOut: true, Now: epoch, Real: epoch,
			})
		}},
		{"an erasure", followup.Erased, func(p party, lead followup.LeadID) error {
			return s.EraseLead(ctx, p.tenant, lead, epoch)
		}},
		{"a merge, of the loser", followup.Merged, func(p party, _ followup.LeadID) error {
			if _, err := s.Resolve(ctx, p.tenant, followup.Identity{Phone: "15550100003"}, true, epoch.Add(-time.Hour)); err != nil {
				return err
			}
			_, err := s.Resolve(ctx, p.tenant, followup.Identity{Phone: "15550100003", ExternalID: string(p.lead)}, true, epoch)
			return err
		}},
		{"a merge, of the winner", followup.OptedOut, func(p party, _ followup.LeadID) error {
			younger, err := s.Resolve(ctx, p.tenant, followup.Identity{Phone: "15550100004"}, true, epoch.Add(time.Hour))
			if err != nil {
				return err
			}
			if _, err := s.Settle(ctx, followup.Settlement{
				Tenant: p.tenant, Lead: younger, Now: epoch, Real: epoch,
				Items: []followup.Item{{DedupID: "d", Channel: p.channel, Assistant: p.assistant, OptOut: new(true)}},
			}); err != nil {
				return err
			}
			_, err = s.Resolve(ctx, p.tenant, followup.Identity{Phone: "15550100004", ExternalID: string(p.lead)}, true, epoch)
			return err
		}},
	} {
		p := newParty()
		run := p.step(t, s, followup.ConfigID(uuid.NewString()))
		told = nil
		if err := way.end(p, run.Lead()); err != nil {
			t.Fatalf("%s: %v", way.name, err)
		}
		if want := (followup.Ended{Run: run, Step: 1, Reason: way.why}); len(told) != 1 || told[0] != want {
			t.Errorf("%s: OnEnded got %+v, want only %+v", way.name, told, want)
		}
	}
}

// TestLeastLateStepsAreClaimedFirst has one partition hold more of the least late steps than a
// claim reads of it at first. They must still be claimed before the later ones of the other
// partitions.
func TestLeastLateStepsAreClaimedFirst(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		const fresh, each = 3 * firstLook, 2
		want := map[followup.RunID]bool{}
		made := make([]int, s.partitions)
		for n := 0; n < fresh+(s.partitions-1)*each; {
			lead := followup.NewLeadID()
			in := s.partition(lead)
			at, most := epoch.Add(-time.Hour), each
			if in == 0 {
				at, most = epoch, fresh
			}
			if made[in] == most {
				continue
			}
			made[in], n = made[in]+1, n+1
			run, err := s.PutLead(t.Context(), followup.PutLead{
				Lead: followup.Lead{ID: lead, Tenant: p.tenant, StatusID: "s"}, StatusChanged: true, Now: at, Real: at,
				Arm: &followup.Arm{Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l"},
			})
			if err != nil {
				t.Fatal(err)
			}
			want[run] = in == 0
		}
		b, err := s.Claim(t.Context(), followup.ClaimParams{Now: epoch, Real: epoch, Limit: fresh, Lease: time.Minute})
		if err != nil || len(b.Steps) != fresh || b.Next != 0 {
			t.Fatalf("Claim: got %d steps, next in %v, %v, want %d and more at once", len(b.Steps), b.Next, err, fresh)
		}
		for _, c := range b.Steps {
			if !want[c.Run.ID] {
				t.Errorf("Claim: got a step due at %v, want less late ones first", c.Run.DueAt)
			}
		}
	})
}
