package runner_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
)

// errAway is what a store call returns during an outage.
var errAway = errors.New("store away")

// outage makes a call fail as often as set.
type outage struct {
	mu    sync.Mutex
	times int // how many calls still fail; below 0: all
}

// set makes the next calls fail, as many as times; below 0 all, 0 none.
func (t *outage) set(times int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.times = times
}

// err returns errAway if the call has to fail.
func (t *outage) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.times == 0 {
		return nil
	}
	t.times--
	return errAway
}

// store is the reference store with hooks and outages.
type store struct {
	*memstore.Store
	claims, guards, finishes, releases, histories, ladders, runs, extends, records outage
	// finishAnswer makes FinishStep fail after it has written.
	finishAnswer outage
	// guardAnswer makes GuardStep fail after it has written.
	guardAnswer outage

	answering hook             // a claim was made, and its caller has no answer yet
	gone      bool             // every ladder is
	reads     atomic.Int32     // of ladders
	claimed   hook             // a claim brought steps
	ended     []followup.Ended // runs that the first claim reports as ended
	tell      sync.Once
	finishing hook
	extending hook
	reading   hook // a ladder is read
}

func (s *store) Claim(ctx context.Context, c followup.ClaimParams) (followup.Batch, error) {
	if err := s.claims.err(); err != nil {
		return followup.Batch{}, err
	}
	b, err := s.Store.Claim(ctx, c)
	s.answering.call()
	if ctx.Err() != nil { // a client that gave up does not learn what it claimed
		return followup.Batch{}, ctx.Err()
	}
	s.tell.Do(func() { b.Ended = append(b.Ended, s.ended...) })
	if len(b.Steps) > 0 {
		s.claimed.call()
	}
	return b, err
}

func (s *store) GuardStep(ctx context.Context, g followup.GuardStep) (followup.Verdict, error) {
	if err := s.guards.err(); err != nil {
		return followup.Verdict{}, err
	}
	v, err := s.Store.GuardStep(ctx, g)
	if err == nil {
		if err = s.guardAnswer.err(); err != nil {
			return followup.Verdict{}, err
		}
	}
	return v, err
}

func (s *store) FinishStep(ctx context.Context, f followup.FinishStep) (followup.Finished, error) {
	s.finishing.call()
	if err := s.finishes.err(); err != nil {
		return followup.Finished{}, err
	}
	done, err := s.Store.FinishStep(ctx, f)
	if err == nil {
		err = s.finishAnswer.err()
	}
	return done, err
}

func (s *store) ExtendStep(ctx context.Context, id followup.RunID, token string, real time.Time, lease time.Duration) error {
	s.extending.call()
	if err := s.extends.err(); err != nil {
		return err
	}
	return s.Store.ExtendStep(ctx, id, token, real, lease)
}

func (s *store) Run(ctx context.Context, t followup.TenantID, id followup.RunID) (followup.Run, error) {
	if err := s.runs.err(); err != nil {
		return followup.Run{}, err
	}
	return s.Store.Run(ctx, t, id)
}

func (s *store) RecordSend(ctx context.Context, r followup.RecordSend) error {
	if err := s.records.err(); err != nil {
		return err
	}
	return s.Store.RecordSend(ctx, r)
}

func (s *store) ReleaseStep(ctx context.Context, r followup.ReleaseStep) error {
	if err := s.releases.err(); err != nil {
		return err
	}
	return s.Store.ReleaseStep(ctx, r)
}

func (s *store) History(ctx context.Context, l followup.LeadID, c followup.ChannelID, now time.Time) ([]followup.Entry, error) {
	if err := s.histories.err(); err != nil {
		return nil, err
	}
	return s.Store.History(ctx, l, c, now)
}

func (s *store) Ladder(ctx context.Context, t followup.TenantID, h followup.LadderHash) (followup.Ladder, error) {
	s.reads.Add(1)
	s.reading.call()
	if err := s.ladders.err(); err != nil {
		return followup.Ladder{}, err
	}
	if s.gone {
		return followup.Ladder{}, followup.ErrNotFound
	}
	return s.Store.Ladder(ctx, t, h)
}
