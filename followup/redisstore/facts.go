package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"wagate/followup"
)

// facts remembers of claimed runs what never changes in them and what their
// scripts' keys are made of: tenant, assistant, channel.
type facts struct {
	mu   sync.Mutex
	runs map[followup.RunID]followup.Run
}

const maxFacts = 20_000

func (f *facts) put(r followup.Run) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.runs == nil || len(f.runs) >= maxFacts {
		f.runs = map[followup.RunID]followup.Run{}
	}
	f.runs[r.ID] = r
}

func (f *facts) get(id followup.RunID) (followup.Run, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok := f.runs[id]
	return r, ok
}

// runFacts returns the unchanging facts of a live run; a zero run if it is not live.
func (s *Store) runFacts(ctx context.Context, id followup.RunID) (followup.Run, error) {
	if r, ok := s.known.get(id); ok {
		return r, nil
	}
	lead := id.Lead()
	v, err := s.db.HMGet(ctx, s.tag(lead).lead(lead), "t", "r"+strconv.Itoa(id.N())).Result()
	if err != nil {
		return followup.Run{}, fmt.Errorf("read run: %w", err)
	}
	f := reply(v)
	if f.text(1) == "" {
		return followup.Run{}, nil
	}
	run, _, err := parseRun(lead, id.N(), followup.TenantID(f.text(0)), f.text(1))
	if err != nil {
		return followup.Run{}, err
	}
	s.known.put(run)
	return run, nil
}
