package followups

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/gateway/internal/fault"
	"wagate/providers"
)

// updateTries bounds how often an update is tried if other writers are faster.
const updateTries = 20

// tick is the resolution of the store's instants.
const tick = time.Millisecond

// Create stores a new config for one of the tenant's assistants and returns it. It is a conflict if
// the assistant has a config.
func (s *Service) Create(ctx context.Context, tenant followup.TenantID, body []byte) (followup.Config, error) {
	c, wrong := followup.DecodeConfig(body, s.tenant(tenant))
	if err := invalid(wrong); err != nil {
		return followup.Config{}, err
	}
	c.ID = followup.ConfigID(uuid.NewString())
	c.CreatedAt = s.now().UTC().Truncate(tick)
	c.UpdatedAt = c.CreatedAt
	err := s.store.CreateConfig(ctx, c)
	if errors.Is(err, followup.ErrExists) {
		return followup.Config{}, &fault.Error{
			Code: fault.AlreadyExists, Message: "the assistant has a follow-up configuration",
			Details: []fault.Detail{{Field: "assistant_id", Problem: "has a follow-up configuration"}},
		}
	}
	if err != nil {
		return followup.Config{}, fmt.Errorf("create config: %w", err)
	}
	return s.shown(ctx, c)[0], nil
}

// Config returns the config with that id.
func (s *Service) Config(ctx context.Context, tenant followup.TenantID, id string) (followup.Config, error) {
	c, err := s.config(ctx, tenant, id)
	if err != nil {
		return followup.Config{}, err
	}
	return s.shown(ctx, c)[0], nil
}

// ConfigOf returns the config of an assistant.
func (s *Service) ConfigOf(ctx context.Context, tenant followup.TenantID, assistant string) (followup.Config, error) {
	if !canonical(assistant) {
		return followup.Config{}, fault.Missing("configuration")
	}
	c, err := s.store.ConfigByAssistant(ctx, tenant, followup.AssistantID(assistant))
	if err := found(err, "configuration"); err != nil {
		return followup.Config{}, err
	}
	return s.shown(ctx, c)[0], nil
}

// Configs returns the configs of the tenant asked for, which must be the caller's own.
func (s *Service) Configs(ctx context.Context, tenant followup.TenantID, asked string) ([]followup.Config, error) {
	if asked != string(tenant) {
		return nil, fault.Missing("tenant")
	}
	configs, err := s.store.Configs(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("read configs: %w", err)
	}
	return s.shown(ctx, configs...), nil
}

// Update replaces the top-level members of a config that the body names, and returns the config.
func (s *Service) Update(ctx context.Context, tenant followup.TenantID, id string, body []byte) (followup.Config, error) {
	for try := 1; ; try++ {
		c, err := s.updateOnce(ctx, tenant, id, body)
		if errors.Is(err, followup.ErrConflict) && try < updateTries {
			continue
		}
		if err != nil {
			return followup.Config{}, err
		}
		return s.shown(ctx, c)[0], nil
	}
}

func (s *Service) updateOnce(ctx context.Context, tenant followup.TenantID, id string, body []byte) (followup.Config, error) {
	old, err := s.config(ctx, tenant, id)
	if err != nil {
		return followup.Config{}, err
	}
	c, wrong := followup.MergeConfig(old, body)
	if err := invalid(wrong); err != nil {
		return followup.Config{}, err
	}
	now := s.now()
	c.UpdatedAt = now.UTC().Truncate(tick)
	if !c.UpdatedAt.After(old.UpdatedAt) {
		c.UpdatedAt = old.UpdatedAt.Add(tick)
	}
	ended, err := s.store.UpdateConfig(ctx, c, old.UpdatedAt, now, s.real())
	s.ended(ended)
	if errors.Is(err, followup.ErrNotFound) {
		return followup.Config{}, fault.Missing("configuration")
	}
	if err != nil {
		return followup.Config{}, fmt.Errorf("update config: %w", err)
	}
	return c, nil
}

// Delete removes a config. Its live runs end at once or, if finish is set, after the step that is
// armed now.
func (s *Service) Delete(ctx context.Context, tenant followup.TenantID, id string, finish bool) error {
	if !canonical(id) {
		return fault.Missing("configuration")
	}
	ended, err := s.store.DeleteConfig(ctx, tenant, followup.ConfigID(id), finish, s.now(), s.real())
	s.ended(ended)
	if errors.Is(err, followup.ErrNotFound) {
		return fault.Missing("configuration")
	}
	if err != nil {
		return fmt.Errorf("delete config: %w", err)
	}
	return nil
}

// Ladder returns the effective ladder of a config on one channel. The channel must be the tenant's,
// or one that the config names and the tenant does not have yet.
func (s *Service) Ladder(ctx context.Context, tenant followup.TenantID, id, channel string) (followup.LadderView, error) {
	c, err := s.config(ctx, tenant, id)
	if err != nil {
		return followup.LadderView{}, err
	}
	var problems fault.Problems
	if channel == "" {
		problems.Absent("channel_id")
		return followup.LadderView{}, problems.Err()
	}
	ch := followup.ChannelID(channel)
	t := s.tenant(tenant)
	if _, ok := t.Channel(ch); !ok && !names(c, ch) {
		return followup.LadderView{}, fault.Missing("channel")
	}
	var view followup.LadderView
	s.withTemplates(ctx, func(lookup followup.TemplateLookup) { view = followup.ViewLadder(c, ch, t, lookup) })
	return view, nil
}

// names reports whether the config has official steps for the channel.
func names(c followup.Config, channel followup.ChannelID) bool {
	for _, o := range c.OfficialSteps {
		if o.ChannelID == channel {
			return true
		}
	}
	return false
}

// config returns a config as it is stored.
func (s *Service) config(ctx context.Context, tenant followup.TenantID, id string) (followup.Config, error) {
	if !canonical(id) {
		return followup.Config{}, fault.Missing("configuration")
	}
	c, err := s.store.Config(ctx, tenant, followup.ConfigID(id))
	return c, found(err, "configuration")
}

// shown returns configs as the API shows them: with warnings, and with empty lists rather than null.
func (s *Service) shown(ctx context.Context, configs ...followup.Config) []followup.Config {
	out := make([]followup.Config, len(configs))
	for i, c := range configs {
		if c.Steps == nil {
			c.Steps = []followup.Step{}
		}
		if c.OfficialSteps == nil {
			c.OfficialSteps = []followup.OfficialSteps{}
		}
		c.CreatedAt, c.UpdatedAt = c.CreatedAt.UTC(), c.UpdatedAt.UTC()
		out[i] = c
	}
	s.withTemplates(ctx, func(lookup followup.TemplateLookup) {
		for i, c := range out {
			out[i].Warnings = followup.Warnings(c, s.tenant(c.TenantID), lookup)
		}
	})
	return out
}

// withTemplates calls at with a function that looks templates up. It calls at twice. The first call
// serves only to learn for which channels it looks templates up. Their lists are then read all at
// the same time, rather than one after another during the second call. If there is no registry of
// templates, withTemplates calls at a single time, with nil.
func (s *Service) withTemplates(ctx context.Context, at func(followup.TemplateLookup)) {
	if s.templates == nil {
		at(nil)
		return
	}
	unsaid := providers.TemplateInfo{Params: -1} // leads to no warning
	var channels []followup.ChannelID
	at(func(channel followup.ChannelID, _, _ string) (providers.TemplateInfo, bool) {
		channels = append(channels, channel)
		return unsaid, true
	})
	listed := s.templates.Listed(ctx, channels)
	at(func(channel followup.ChannelID, name, language string) (providers.TemplateInfo, bool) {
		info, ok, err := s.templates.Template(ctx, channel, name, language)
		if err != nil || !ok && !listed[channel] { // not known to be unknown: the store or the list could not be read
			return unsaid, true
		}
		return info, ok
	})
}

// invalid returns the fault that lists the problems, or nil if there are none.
func invalid(wrong []followup.Problem) error {
	var problems fault.Problems
	problems.Append(wrong...)
	return problems.Err()
}
