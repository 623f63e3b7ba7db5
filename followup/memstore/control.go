package memstore

import (
	"context"
	"slices"
	"time"

	"wagate/followup"
	"wagate/followup/window"
)

// Pause implements followup.ControlStore.
func (s *Store) Pause(ctx context.Context, tenant followup.TenantID, c followup.ChannelID, paused bool) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if paused {
		s.paused[pause{tenant, c}] = true
	} else {
		delete(s.paused, pause{tenant, c})
	}
	return nil
}

func (s *Store) isPaused(tenant followup.TenantID, c followup.ChannelID) bool {
	return s.paused[pause{tenant, ""}] || s.paused[pause{tenant, c}]
}

// Pauses implements followup.ControlStore.
func (s *Store) Pauses(ctx context.Context, tenant followup.TenantID) ([]followup.ChannelID, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	out := []followup.ChannelID{}
	for p := range s.paused {
		if p.tenant == tenant {
			out = append(out, p.channel)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Ping implements followup.ControlStore.
func (s *Store) Ping(ctx context.Context) error { return ctx.Err() }

// Stats implements followup.ControlStore.
func (s *Store) Stats(ctx context.Context, now, real time.Time) (followup.Stats, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.Stats{}, err
	}
	defer unlock()
	st := followup.Stats{RelayDead: len(s.dead)}
	for _, l := range s.leads {
		for _, w := range l.windows {
			if window.Open(w.LastInbound, ms(now), w.Refused) {
				st.WindowsOpen++
			}
		}
		for _, r := range l.runs {
			if r.State == followup.RunArmed {
				st.StepsOverdue = max(st.StepsOverdue, ms(now).Sub(r.DueAt))
			}
			if r.State == followup.RunArmed || r.State == followup.RunClaimed {
				st.StepsPending++
			}
		}
		for _, q := range l.queues {
			if len(q.events) == 0 {
				continue
			}
			st.RelayPending++
			st.RelayLag = max(st.RelayLag, ms(real).Sub(q.events[0].at))
		}
	}
	type owner struct {
		tenant    followup.TenantID
		assistant followup.AssistantID
	}
	waiting, dead := s.waiting(), map[owner]int{}
	for _, n := range waiting {
		st.RelayBacklog = max(st.RelayBacklog, n)
	}
	for _, d := range s.dead {
		dead[owner{d.Tenant, d.Assistant}] += d.Count
	}
	for of, n := range dead {
		if all := waiting[of.assistant] + n; all > st.RelayBacklog || all == st.RelayBacklog && n > st.RelayBacklogDead {
			st.RelayBacklog, st.RelayBacklogDead = all, n
		}
	}
	return st, nil
}
