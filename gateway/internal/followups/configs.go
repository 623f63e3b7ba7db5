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

// updateTries bounds how often an update goes again because somebody else was
// faster.
const updateTries = 20

// tick is the finest difference the store knows between two instants.
const tick = time.Millisecond

// Create stores a new config for one of the tenant's assistants.
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
	return s.shown(ctx, c), nil
}

// Config returns a config.
func (s *Service) Config(ctx context.Context, tenant followup.TenantID, id string) (followup.Config, error) {
	c, err := s.config(ctx, tenant, id)
	if err != nil {
		return followup.Config{}, err
	}
	return s.shown(ctx, c), nil
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
	return s.shown(ctx, c), nil
}

// Configs returns the configs of a tenant, which must be the caller's own.
func (s *Service) Configs(ctx context.Context, tenant followup.TenantID, asked string) ([]followup.Config, error) {
	if asked != string(tenant) {
		return nil, fault.Missing("tenant")
	}
	configs, err := s.store.Configs(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("read configs: %w", err)
	}
	out := make([]followup.Config, 0, len(configs))
	for _, c := range configs {
		out = append(out, s.shown(ctx, c))
	}
	return out, nil
}

// Update replaces the members of a config that the body names.
func (s *Service) Update(ctx context.Context, tenant followup.TenantID, id string, body []byte) (followup.Config, error) {
	for try := 1; ; try++ {
		c, err := s.updateOnce(ctx, tenant, id, body)
		if errors.Is(err, followup.ErrConflict) && try < updateTries {
			continue
		}
		if err != nil {
			return followup.Config{}, err
		}
		return s.shown(ctx, c), nil
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

// Delete removes a config. Its live runs end; with finish, after the step that
// is armed now.
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

// Ladder returns the effective ladder of one of the tenant's channels, or of
// one that the config names without the tenant having it yet.
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
	return followup.ViewLadder(c, ch, t, s.lookup(ctx)), nil
}

func names(c followup.Config, channel followup.ChannelID) bool {
	for _, o := range c.OfficialSteps {
		if o.ChannelID == channel {
			return true
		}
	}
	return false
}

// config reads a config as it is stored.
func (s *Service) config(ctx context.Context, tenant followup.TenantID, id string) (followup.Config, error) {
	if !canonical(id) {
		return followup.Config{}, fault.Missing("configuration")
	}
	c, err := s.store.Config(ctx, tenant, followup.ConfigID(id))
	return c, found(err, "configuration")
}

// shown returns the config as the API shows it: with warnings, and with empty
// lists where there is nothing.
func (s *Service) shown(ctx context.Context, c followup.Config) followup.Config {
	if c.Steps == nil {
		c.Steps = []followup.Step{}
	}
	if c.OfficialSteps == nil {
		c.OfficialSteps = []followup.OfficialSteps{}
	}
	c.CreatedAt, c.UpdatedAt = c.CreatedAt.UTC(), c.UpdatedAt.UTC()
	c.Warnings = followup.Warnings(c, s.tenant(c.TenantID), s.lookup(ctx))
	if c.Warnings == nil {
		c.Warnings = []followup.Warning{}
	}
	return c
}

func (s *Service) lookup(ctx context.Context) followup.TemplateLookup {
	if s.templates == nil {
		return nil
	}
	return func(channel followup.ChannelID, name, language string) (providers.TemplateInfo, bool) {
		info, ok, _ := s.templates.Template(ctx, channel, name, language) // a warning is no reason to fail
		return info, ok
	}
}

func invalid(wrong []followup.Problem) error {
	var problems fault.Problems
	problems.Append(wrong...)
	return problems.Err()
}
