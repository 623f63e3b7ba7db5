package memstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/providers"
)

// maxNext is the longest sleep that a claim tells its caller.
const maxNext = time.Hour

// Claim implements followup.StepStore.
func (s *Store) Claim(ctx context.Context, c followup.ClaimParams) (followup.Batch, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.Batch{}, err
	}
	defer unlock()
	now, real := ms(c.Now), ms(c.Real)

	var lapsed, due []*run
	next, again := maxNext, maxNext
	for _, l := range s.leads {
		for _, r := range l.runs {
			switch {
			case r.State == followup.RunEnded:
			case r.State == followup.RunArmed && r.DueAt.After(now):
				next = min(next, r.DueAt.Sub(now))
			case r.State == followup.RunArmed:
				due = append(due, r)
			case r.lease.After(real):
				again = min(again, r.lease.Sub(real))
			default:
				lapsed = append(lapsed, r)
			}
		}
	}
	tenant := func(r *run) followup.TenantID { return r.Tenant }
	slices.SortFunc(lapsed, func(a, b *run) int { return cmp.Or(a.lease.Compare(b.lease), cmp.Compare(a.ID, b.ID)) })
	slices.SortFunc(due, func(a, b *run) int { return cmp.Or(b.DueAt.Compare(a.DueAt), cmp.Compare(a.ID, b.ID)) })
	queue := slices.Concat(roundRobin(lapsed, tenant, s.lastTenant), roundRobin(due, tenant, s.lastTenant))

	b := followup.Batch{Next: next, Again: again}
	taken := map[followup.TenantID]int{}
	for _, r := range queue {
		l := s.leads[r.Lead]
		if off := s.offReason(r); off != "" && r.State != followup.RunSending {
			t := s.begin(l, now, real)
			t.end(r, off)
			b.Ended = append(b.Ended, t.ended...)
			continue
		}
		if taken[r.Tenant] >= c.Room(r.Tenant) && c.PerTenant > 0 {
			continue
		}
		if len(b.Steps) >= c.Limit {
			b.Next = 0
			break
		}
		taken[r.Tenant]++
		b.Steps = append(b.Steps, s.claim(l, r, real.Add(c.Lease)))
		b.Again = min(b.Again, c.Lease)
		s.lastTenant = r.Tenant
	}
	return b, nil
}

// claim puts a step under a lease with a new token. A step in sending stays there, because it is not
// known whether it was sent.
func (s *Store) claim(l *lead, r *run, lease time.Time) followup.Claimed {
	r.token, r.lease = uuid.NewString(), ms(lease)
	r.crashed = r.State == followup.RunSending
	if r.State == followup.RunClaimed {
		r.lapsed++
	}
	if !r.crashed {
		r.State = followup.RunClaimed
	}
	view := r.Run
	view.Timeline = nil
	c := followup.Claimed{Run: view, Token: r.token, Lead: l.view(), Paused: s.isPaused(r.Tenant, r.Channel), Lapsed: r.lapsed}
	if r.crashed {
		c.Crashed, c.Attempt, c.Kind, c.UsedStep = true, r.attempt, r.kind, r.usedStep
	}
	return c
}

// offReason returns why a run must end because of its config; empty if it need not.
func (s *Store) offReason(r *run) followup.Reason {
	switch s.off[r.Config] {
	case followup.ConfigInactive:
		return followup.ConfigOff
	case followup.ConfigDeleted:
		return followup.ConfigGone
	case followup.ConfigActive, followup.ConfigFinish:
	}
	return ""
}

// holds reports whether the token is that of the current claim, and the claim is one that may send.
func (r *run) holds(token string) bool {
	held := r.State == followup.RunClaimed || r.State == followup.RunSending
	return held && !r.crashed && token != "" && r.token == token
}

// GuardStep implements followup.StepStore.
func (s *Store) GuardStep(ctx context.Context, g followup.GuardStep) (followup.Verdict, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.Verdict{}, err
	}
	defer unlock()
	l, r := s.run(g.Run)
	if r == nil || !r.holds(g.Token) {
		return followup.Verdict{Refusal: followup.RefusedStale}, nil
	}
	t := s.begin(l, g.Now, g.Real)
	if off := cmp.Or(r.ending, s.offReason(r)); off != "" {
		t.endUnsent(r, off)
		return followup.Verdict{Refusal: followup.RefusedStale, Ended: t.ended}, nil
	}
	if from := t.unsentFrom(r); from.After(t.now) {
		r.armAt(from)
		return followup.Verdict{Refusal: followup.RefusedStale}, nil
	}
	if no := s.refusal(l, r.Channel, g.To, g.FreeForm, g.Marketing, g.Now); no != followup.Allowed {
		r.State, r.attempt = followup.RunClaimed, ""
		return followup.Verdict{Refusal: no}, nil
	}
	r.State, r.lease = followup.RunSending, ms(g.Real.Add(g.Lease))
	r.attempt, r.kind, r.usedStep, r.lapsed = t.attempt(r, r.Channel), g.Kind, g.UsedStep, 0
	return followup.Verdict{Attempt: r.attempt, Opaque: r.attempt.Opaque(0), Closes: l.closes(r.Channel, g.FreeForm)}, nil
}

// refusal makes the checks that the guards of steps and of API messages have in common.
func (s *Store) refusal(
	l *lead, c followup.ChannelID, to providers.Contact, freeForm, marketing bool, now time.Time,
) followup.Refusal {
	switch {
	case marketing && l.rec.OptedOut:
		return followup.RefusedOptedOut
	case s.isPaused(l.rec.Tenant, c):
		return followup.RefusedPaused
	case freeForm && !l.isOpen(c, to, now):
		return followup.RefusedWindow
	}
	return followup.Allowed
}

// ExtendStep implements followup.StepStore.
func (s *Store) ExtendStep(ctx context.Context, id followup.RunID, token string, real time.Time, lease time.Duration) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	_, r := s.run(id)
	if r == nil || !r.holds(token) {
		return followup.ErrStale
	}
	r.lease = followup.Later(r.lease, ms(real.Add(lease)))
	return nil
}

// ReleaseStep implements followup.StepStore.
func (s *Store) ReleaseStep(ctx context.Context, f followup.ReleaseStep) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	l, r := s.run(f.Run)
	if r == nil || !r.holds(f.Token) {
		return nil
	}
	t := s.begin(l, f.Now, f.Real)
	if r.ending != "" {
		t.endUnsent(r, r.ending)
		s.reportEnded(t.ended)
		return nil
	}
	due := r.DueAt
	if !f.Until.IsZero() {
		due = f.Until
		r.Tries++
	}
	r.armAt(followup.Later(due, t.unsentFrom(r)))
	return nil
}
