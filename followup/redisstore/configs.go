package redisstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var (
	createConfigScript = load("config_create")
	updateConfigScript = load("config_update")
	deleteConfigScript = load("config_delete")
)

// A stored config is "<format> <updated ms> <request id> <JSON>". What scripts compare stands in
// front, so that they need not parse JSON.
func (s *Store) packConfig(c followup.Config, request string) string {
	c.CreatedAt, c.UpdatedAt = fromMS(ms(c.CreatedAt)), fromMS(ms(c.UpdatedAt))
	c.Warnings = nil
	return fmt.Sprintf("%d %d %s %s", formatVersion, ms(c.UpdatedAt), request, marshal(c))
}

func parseConfig(packed string) (followup.Config, error) {
	var c followup.Config
	f := strings.SplitN(packed, " ", 4)
	if len(f) != 4 {
		return c, fmt.Errorf("stored config: %w", errReply)
	}
	if f[0] != strconv.Itoa(formatVersion) {
		return c, fmt.Errorf("config of format %s: %w", f[0], errNewer)
	}
	if err := json.Unmarshal([]byte(f[3]), &c); err != nil {
		return c, fmt.Errorf("stored config: %w", err)
	}
	return c, nil
}

func configKeys(t followup.TenantID) []string {
	return []string{configsKey(t), configAssistantKey(t), controlMasterKey(t)}
}

func configState(c followup.Config) followup.ConfigState {
	if c.IsActive {
		return followup.ConfigActive
	}
	return followup.ConfigInactive
}

// CreateConfig implements followup.ConfigStore.
func (s *Store) CreateConfig(ctx context.Context, c followup.Config) error {
	request := s.newToken()
	v, err := s.runDurable(ctx, createConfigScript, configKeys(c.TenantID),
		string(c.ID), string(c.AssistantID), request, s.packConfig(c, request), string(configState(c)), ms(s.now()))
	if err != nil {
		return fmt.Errorf("create config: %w", err)
	}
	r, _ := v.([]any)
	if reply(r).text(0) != "ok" {
		return followup.ErrExists
	}
	if c.IsActive {
		return nil // guards take a config without control state to be active
	}
	return s.spread(ctx, controlConfig(c.ID), reply(r).text(1))
}

// Config implements followup.ConfigStore.
func (s *Store) Config(ctx context.Context, tenant followup.TenantID, id followup.ConfigID) (followup.Config, error) {
	packed, err := s.db.HGet(ctx, configsKey(tenant), string(id)).Result()
	if errors.Is(err, redis.Nil) {
		return followup.Config{}, followup.ErrNotFound
	}
	if err != nil {
		return followup.Config{}, fmt.Errorf("read config: %w", err)
	}
	return parseConfig(packed)
}

// ConfigByAssistant implements followup.ConfigStore.
func (s *Store) ConfigByAssistant(
	ctx context.Context, tenant followup.TenantID, a followup.AssistantID,
) (followup.Config, error) {
	id, err := s.db.HGet(ctx, configAssistantKey(tenant), string(a)).Result()
	if errors.Is(err, redis.Nil) {
		return followup.Config{}, followup.ErrNotFound
	}
	if err != nil {
		return followup.Config{}, fmt.Errorf("read config: %w", err)
	}
	return s.Config(ctx, tenant, followup.ConfigID(id))
}

// Configs implements followup.ConfigStore.
func (s *Store) Configs(ctx context.Context, tenant followup.TenantID) ([]followup.Config, error) {
	all, err := s.db.HVals(ctx, configsKey(tenant)).Result()
	if err != nil {
		return nil, fmt.Errorf("list configs: %w", err)
	}
	out := make([]followup.Config, 0, len(all))
	for _, packed := range all {
		c, err := parseConfig(packed)
		if err != nil {
			return nil, fmt.Errorf("list configs: %w", err)
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b followup.Config) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// UpdateConfig implements followup.ConfigStore. The order of its steps makes a crash in between
// safe: the guards learn of the change before runs are ended one by one, and end the runs that they
// meet.
func (s *Store) UpdateConfig(
	ctx context.Context, c followup.Config, prev, now, real time.Time,
) ([]followup.Ended, error) {
	var left []followup.Ended
	if c.IsActive {
		var err error
		if left, err = s.endLeft(ctx, c.TenantID, c.ID, followup.ConfigInactive, followup.ConfigOff, now, real); err != nil {
			return left, fmt.Errorf("update config: %w", err)
		}
	}
	request := s.newToken()
	v, err := s.runDurable(ctx, updateConfigScript, configKeys(c.TenantID),
		string(c.ID), ms(prev), request, s.packConfig(c, request), string(configState(c)), ms(real))
	if err != nil {
		return left, fmt.Errorf("update config: %w", err)
	}
	l, _ := v.([]any)
	r := reply(l)
	switch r.text(0) {
	case "none":
		return left, followup.ErrNotFound
	case "conflict":
		return left, followup.ErrConflict
	}
	if err := s.spread(ctx, controlConfig(c.ID), r.text(1)); err != nil {
		return left, fmt.Errorf("update config: %w", err)
	}
	if c.IsActive {
		return left, nil
	}
	return s.endConfig(ctx, c.TenantID, c.ID, followup.ConfigOff, now, real)
}

// endLeft ends the live runs of a config if the config is in the state in, in which it may have
// none. The process that brought it there may have died before it told every partition, or ended
// every run.
func (s *Store) endLeft(
	ctx context.Context, tenant followup.TenantID, config followup.ConfigID, in followup.ConfigState, why followup.Reason, now, real time.Time,
) ([]followup.Ended, error) {
	value, err := s.db.HGet(ctx, controlMasterKey(tenant), controlConfig(config)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	if _, state := parseControl(value); state != string(in) {
		return nil, nil
	}
	if err := s.spread(ctx, controlConfig(config), value); err != nil {
		return nil, err
	}
	return s.endConfig(ctx, tenant, config, why, now, real)
}

// DeleteConfig implements followup.ConfigStore.
func (s *Store) DeleteConfig(
	ctx context.Context, tenant followup.TenantID, id followup.ConfigID, finish bool, now, real time.Time,
) ([]followup.Ended, error) {
	c, err := s.Config(ctx, tenant, id)
	if errors.Is(err, followup.ErrNotFound) {
		return s.deleteLeft(ctx, tenant, id, now, real)
	}
	if err != nil {
		return nil, err
	}
	state := followup.ConfigDeleted
	if finish {
		state = followup.ConfigFinish
	}
	v, err := s.runDurable(ctx, deleteConfigScript, configKeys(tenant),
		string(id), string(c.AssistantID), s.newToken(), string(state), ms(real))
	if err != nil {
		return nil, fmt.Errorf("delete config: %w", err)
	}
	l, _ := v.([]any)
	r := reply(l)
	if r.text(0) != "ok" {
		return s.deleteLeft(ctx, tenant, id, now, real)
	}
	if err := s.spread(ctx, controlConfig(id), r.text(1)); err != nil {
		return nil, fmt.Errorf("delete config: %w", err)
	}
	if finish {
		return nil, nil
	}
	return s.endConfig(ctx, tenant, id, followup.ConfigGone, now, real)
}

// deleteLeft goes on with a deletion that was cut short. It returns followup.ErrNotFound if no run
// was left.
func (s *Store) deleteLeft(
	ctx context.Context, tenant followup.TenantID, id followup.ConfigID, now, real time.Time,
) ([]followup.Ended, error) {
	left, err := s.endLeft(ctx, tenant, id, followup.ConfigDeleted, followup.ConfigGone, now, real)
	if err != nil {
		return left, fmt.Errorf("delete config: %w", err)
	}
	if len(left) == 0 {
		return nil, followup.ErrNotFound
	}
	return left, nil
}

// endConfig ends the live runs of a config in all partitions. In each partition leases are looked
// at before the due set, because a step may go back from its lease to the due set meanwhile. A step
// that goes the other way is ended by the claim that takes it.
func (s *Store) endConfig(
	ctx context.Context, tenant followup.TenantID, config followup.ConfigID, why followup.Reason, now, real time.Time,
) ([]followup.Ended, error) {
	var all []followup.Ended
	for p := range s.partitions {
		t := tagOf(p)
		for _, set := range []string{t.stepsLeases(), t.stepsDue(tenant)} {
			cursor := uint64(0)
			for {
				page, next, err := s.db.ZScan(ctx, set, cursor, "", 500).Result()
				if err != nil {
					return all, fmt.Errorf("find runs of config: %w", err)
				}
				runs, err := s.runsOf(ctx, t, config, page)
				if err != nil {
					return all, err
				}
				ended, err := s.endRuns(ctx, tenant, config, why, runs, now, real)
				all = append(all, ended...)
				if err != nil {
					return all, err
				}
				if cursor = next; cursor == 0 {
					break
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b followup.Ended) int { return cmp.Compare(a.Run, b.Run) })
	return all, nil
}

// runsOf returns those of the runs that belong to the config. The page is as ZSCAN returns it,
// members and scores alternating.
func (s *Store) runsOf(ctx context.Context, t tag, config followup.ConfigID, page []string) ([]followup.RunID, error) {
	reads := make([]*redis.StringCmd, 0, len(page)/2)
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i := 0; i+1 < len(page); i += 2 {
			run := followup.RunID(page[i])
			reads = append(reads, p.HGet(ctx, t.lead(run.Lead()), fmt.Sprintf("f%d", run.N())))
		}
	}); err != nil {
		return nil, fmt.Errorf("find runs of config: %w", err)
	}
	var out []followup.RunID
	for i, r := range reads {
		if a, ok := unpackFacts(r.Val()); ok && a.Config == config {
			out = append(out, followup.RunID(page[2*i]))
		}
	}
	return out, nil
}
