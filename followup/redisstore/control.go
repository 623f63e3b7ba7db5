package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// Control state is what guards must know without leaving their slot: which configs are not active,
// and which channels and tenants are paused. Its master is in the tenant's slot, with a copy in
// every partition. A field is "c:<config>", "ch:<channel>" or "t:<tenant>"; its value is
// "<version>:<state>", where an empty state is no obstacle. A copy is only replaced by a newer
// version, so writers may overtake each other. Versions are instants, so they grow even if the
// master lost its last writes in a crash of Redis.

var (
	pauseScript  = load("control_set")
	spreadScript = load("control_copy")
)

const statePaused = "paused"

func controlConfig(c followup.ConfigID) string { return "c:" + string(c) }

func controlPause(t followup.TenantID, c followup.ChannelID) string {
	if c == "" {
		return "t:" + string(t)
	}
	return "ch:" + string(c)
}

// spread writes one field to every partition.
func (s *Store) spread(ctx context.Context, field, value string) error {
	jobs := make([]job, s.partitions)
	for i := range jobs {
		jobs[i] = job{keys: []string{tagOf(i).control()}, args: []any{field, value}}
	}
	return s.runAll(ctx, jobs)
}

func (s *Store) runAll(ctx context.Context, jobs []job) error {
	for _, a := range s.runEach(ctx, spreadScript, jobs) {
		if a.err != nil {
			return fmt.Errorf("copy control state: %w", a.err)
		}
	}
	return nil
}

// Pause implements followup.ControlStore.
func (s *Store) Pause(ctx context.Context, tenant followup.TenantID, channel followup.ChannelID, paused bool) error {
	state := ""
	if paused {
		state = statePaused
	}
	field := controlPause(tenant, channel)
	v, err := s.runDurable(ctx, pauseScript, []string{controlMasterKey(tenant)}, field, state, ms(s.now()))
	if err != nil {
		return fmt.Errorf("pause: %w", err)
	}
	value, ok := v.(string)
	if !ok {
		return fmt.Errorf("pause: %w", errReply)
	}
	if err := s.spread(ctx, field, value); err != nil {
		return fmt.Errorf("pause: %w", err)
	}
	return nil
}

// Pauses implements followup.ControlStore.
func (s *Store) Pauses(ctx context.Context, tenant followup.TenantID) ([]followup.ChannelID, error) {
	fields, err := s.db.HGetAll(ctx, controlMasterKey(tenant)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("list pauses: %w", err)
	}
	out := []followup.ChannelID{}
	for f, v := range fields {
		if _, state := parseControl(v); state != statePaused {
			continue
		}
		if f == controlPause(tenant, "") {
			out = append(out, "")
		} else if c, ok := strings.CutPrefix(f, "ch:"); ok {
			out = append(out, followup.ChannelID(c))
		}
	}
	slices.Sort(out)
	return out, nil
}

// parseControl parses "<version>:<state>".
func parseControl(v string) (version int64, state string) {
	n, state, _ := strings.Cut(v, ":")
	version, _ = strconv.ParseInt(n, 10, 64)
	return version, state
}

// SyncControl copies the tenants' control state from the masters to every partition that lacks it
// or has an older version: after a crash in the middle of a change, or after a partition lost its
// last writes. It is to be called at start and now and then.
func (s *Store) SyncControl(ctx context.Context, tenants []followup.TenantID) error {
	masters := make([]*redis.MapStringStringCmd, len(tenants))
	copies := make([]*redis.MapStringStringCmd, s.partitions)
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i, t := range tenants {
			masters[i] = p.HGetAll(ctx, controlMasterKey(t))
		}
		for i := range copies {
			copies[i] = p.HGetAll(ctx, tagOf(i).control())
		}
	}); err != nil {
		return fmt.Errorf("read control state: %w", err)
	}
	var jobs []job
	for _, m := range masters {
		for field, value := range m.Val() {
			if strings.HasPrefix(field, "q:") {
				continue // a request id, not state: see lua/config_delete.lua
			}
			version, _ := parseControl(value)
			for i, c := range copies {
				if have, _ := parseControl(c.Val()[field]); have < version {
					jobs = append(jobs, job{keys: []string{tagOf(i).control()}, args: []any{field, value}})
				}
			}
		}
	}
	for batch := range slices.Chunk(jobs, 1000) {
		if err := s.runAll(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}
