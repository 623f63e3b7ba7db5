package memstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wagate/followup"
)

// CreateConfig implements followup.ConfigStore.
func (s *Store) CreateConfig(ctx context.Context, c followup.Config) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, taken := s.configs[c.ID]; taken || s.configOf(c.TenantID, c.AssistantID) != "" {
		return followup.ErrExists
	}
	s.keepConfig(c)
	return nil
}

// keepConfig stores a config and its state for the guards.
func (s *Store) keepConfig(c followup.Config) {
	c = clone(c)
	c.CreatedAt, c.UpdatedAt, c.Warnings = ms(c.CreatedAt), ms(c.UpdatedAt), nil
	s.configs[c.ID] = c
	if c.IsActive {
		delete(s.off, c.ID)
	} else {
		s.off[c.ID] = followup.ConfigInactive
	}
}

// configOf returns the id of the assistant's config, or "".
func (s *Store) configOf(tenant followup.TenantID, a followup.AssistantID) followup.ConfigID {
	for id, c := range s.configs {
		if c.TenantID == tenant && c.AssistantID == a {
			return id
		}
	}
	return ""
}

// Config implements followup.ConfigStore.
func (s *Store) Config(ctx context.Context, tenant followup.TenantID, id followup.ConfigID) (followup.Config, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.Config{}, err
	}
	defer unlock()
	return s.config(tenant, id)
}

func (s *Store) config(tenant followup.TenantID, id followup.ConfigID) (followup.Config, error) {
	c, ok := s.configs[id]
	if !ok || c.TenantID != tenant {
		return followup.Config{}, followup.ErrNotFound
	}
	return clone(c), nil
}

// ConfigByAssistant implements followup.ConfigStore.
func (s *Store) ConfigByAssistant(ctx context.Context, tenant followup.TenantID, a followup.AssistantID) (followup.Config, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.Config{}, err
	}
	defer unlock()
	return s.config(tenant, s.configOf(tenant, a))
}

// Configs implements followup.ConfigStore.
func (s *Store) Configs(ctx context.Context, tenant followup.TenantID) ([]followup.Config, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	out := []followup.Config{}
	for _, c := range s.configs {
		if c.TenantID == tenant {
			out = append(out, clone(c))
		}
	}
	slices.SortFunc(out, func(a, b followup.Config) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// UpdateConfig implements followup.ConfigStore.
func (s *Store) UpdateConfig(ctx context.Context, c followup.Config, prev, now, real time.Time) ([]followup.Ended, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	old, err := s.config(c.TenantID, c.ID)
	if err != nil {
		return nil, err
	}
	if !old.UpdatedAt.Equal(ms(prev)) {
		return nil, followup.ErrConflict
	}
	s.keepConfig(c)
	if c.IsActive {
		return nil, nil
	}
	return s.endConfig(c.ID, followup.ConfigOff, now, real), nil
}

// DeleteConfig implements followup.ConfigStore.
func (s *Store) DeleteConfig(ctx context.Context, tenant followup.TenantID, id followup.ConfigID, finish bool, now, real time.Time) ([]followup.Ended, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := s.config(tenant, id); err != nil {
		return nil, err
	}
	delete(s.configs, id)
	if finish {
		s.off[id] = followup.ConfigFinish
		return nil, nil
	}
	s.off[id] = followup.ConfigDeleted
	return s.endConfig(id, followup.ConfigGone, now, real), nil
}

// endConfig ends the live runs of a config.
func (s *Store) endConfig(id followup.ConfigID, why followup.Reason, now, real time.Time) []followup.Ended {
	var out []followup.Ended
	for _, l := range s.leads {
		t := s.begin(l, now, real)
		for _, r := range l.liveRuns() {
			if r.Config == id {
				t.end(r, why)
			}
		}
		out = append(out, t.ended...)
	}
	slices.SortFunc(out, func(a, b followup.Ended) int { return cmp.Compare(a.Run, b.Run) })
	return out
}
