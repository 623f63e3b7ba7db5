package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup/rescue"
)

// maxOffset is how far the clocks of Redis and of this machine may differ before Check reports a
// problem. Leases and due times are exact to about that.
const maxOffset = time.Second

// Report is what Check found out about Redis.
type Report struct {
	// Durable says that every master keeps the configured promise, as far as it allowed us to look,
	// and still has the data that it was given.
	Durable bool
	// Offset is Redis' clock minus this machine's, of the node whose clock is furthest off.
	Offset time.Duration
	// Problems are whole sentences for an operator; empty if all is well.
	Problems []string
}

// Check examines every master: eviction, persistence, replicas and clock. It also checks whether
// the data that this store was opened on is still there. It updates the metrics, and logs what it
// found if that differs from the last time.
func (s *Store) Check(ctx context.Context) (Report, error) {
	r := Report{Durable: !s.embedded}
	if s.embedded {
		r.Problems = append(r.Problems, "redis is embedded in this process and loses its data with it: not for production")
	}
	var mu sync.Mutex
	var zeros []time.Time
	err := s.eachNode(ctx, func(ctx context.Context, node *redis.Client) error {
		var f findings
		zero, err := s.clockOf(ctx, node)
		if err != nil {
			return fmt.Errorf("read clock: %w", err)
		}
		if !s.embedded {
			if f, err = s.examine(ctx, node); err != nil {
				return err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if offset := zero.Sub(s.clock.wallZero()); offset.Abs() > r.Offset.Abs() {
			r.Offset = offset
		}
		zeros = append(zeros, zero)
		r.Durable = r.Durable && !f.broken
		r.Problems = append(r.Problems, f.problems...)
		return nil
	})
	gone := ""
	if err == nil && s.partitions > 0 {
		gone, err = s.dataLost(ctx)
	}
	if err != nil {
		return r, fmt.Errorf("check redis: %w", err)
	}
	if gone != "" {
		r.Durable = false
		r.Problems = append(r.Problems, gone)
	}
	s.clock.agree(median(zeros))
	if s.clock.jumped() {
		r.Problems = append(r.Problems,
			"the clock of redis has jumped: wagate follows it by three seconds a minute, and steps are early or late by the rest")
	}
	if r.Offset.Abs() > maxOffset {
		r.Problems = append(r.Problems, fmt.Sprintf(
			"the clocks of redis and of this machine are %v apart: one of them is not synchronised", r.Offset.Round(time.Second)))
	}
	slices.Sort(r.Problems)
	r.Problems = slices.Compact(r.Problems)
	s.metrics.checked(r)
	s.tell(r)
	return r, nil
}

// dataLost returns a problem for the operator if the data that this store was opened on is gone,
// else "". The store would go on working with what Redis has then, and nobody would notice that the
// leads, the steps and the waiting events are missing.
func (s *Store) dataLost(ctx context.Context) (string, error) {
	fixed, err := s.db.HMGet(ctx, metaKey, "format", "partitions").Result()
	if err != nil {
		return "", fmt.Errorf("read what was fixed: %w", err)
	}
	switch {
	case fixed[0] == nil:
		return "redis has lost its data (leads, steps, waiting events): restore it; a restart of wagate begins with an empty store", nil
	case fmt.Sprint(fixed[1]) != strconv.Itoa(s.partitions):
		return fmt.Sprintf("redis has lost its data and was set up anew with %v partitions, not %d: restart wagate", fixed[1], s.partitions), nil
	}
	return "", nil
}

// tell logs the report unless it equals the one that was logged last.
func (s *Store) tell(r Report) {
	text := strings.Join(r.Problems, "\n")
	if last := s.told.Swap(&text); last != nil && *last == text {
		return
	}
	level := slog.LevelWarn
	if !r.Durable {
		level = slog.LevelError
	}
	if s.embedded {
		level = slog.LevelWarn
	}
	for _, p := range r.Problems {
		s.log.Log(context.Background(), level, "redis is not fit for the promise", "problem", p)
	}
	s.log.Info("redis examined", "durability", s.durability.String(), "durable", r.Durable,
		"partitions", s.partitions, "clock_offset", r.Offset)
}

// clockOf returns the time of the node's clock at which this process had run for no time at all.
// The node read its clock at some instant within the round trip; the middle is the best guess.
func (s *Store) clockOf(ctx context.Context, node *redis.Client) (zero time.Time, err error) {
	if s.embedded {
		// The embedded Redis has this machine's clock. A measurement would only show how busy the
		// machine is, and a fast domain clock would jump by a multiple of that.
		return s.clock.wallZero(), nil
	}
	best := time.Hour
	for range 3 { // the quickest round trip is the most exact
		before := s.clock.elapsed()
		at, err := node.Time(ctx).Result()
		if err != nil {
			return time.Time{}, err
		}
		if trip := s.clock.elapsed() - before; trip < best {
			best, zero = trip, at.Add(-before-trip/2)
		}
	}
	return zero, nil
}

// findings are what is wrong with one node; broken says that the node breaks the durability
// promise.
type findings struct {
	broken   bool
	problems []string
}

func (f *findings) add(format string, args ...any) {
	f.problems = append(f.problems, fmt.Sprintf(format, args...))
}

func (f *findings) breaks(format string, args ...any) {
	f.broken = true
	f.add(format, args...)
}

// leastMajor is the first major version of Redis that has everything the store needs. An earlier
// one may refuse its scripts, and does not tell whether it accepts writes.
const leastMajor = 7

// isBefore reports whether a major version is less than least. A server that tells no version is
// assumed to be new enough.
func isBefore(major string, least int) bool {
	n, err := strconv.Atoi(major)
	return err == nil && n < least
}

func (s *Store) examine(ctx context.Context, node *redis.Client) (findings, error) {
	info := map[string]string{}
	for _, section := range []string{"server", "memory", "persistence", "replication"} {
		text, err := node.Info(ctx, section).Result()
		if err != nil {
			return findings{}, fmt.Errorf("read info %s: %w", section, err)
		}
		for line := range strings.Lines(text) {
			if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
				info[k] = v
			}
		}
	}
	var f findings
	if major, _, _ := strings.Cut(info["redis_version"], "."); isBefore(major, leastMajor) {
		f.add("redis is version %s, and version %d or later is needed: it may refuse our commands", info["redis_version"], leastMajor)
	}
	if policy := info["maxmemory_policy"]; policy != "noeviction" {
		f.breaks("redis may throw data away when memory is short: maxmemory-policy is %q; set it to noeviction", policy)
	}
	if _, single := s.db.(*redis.Client); single && info["redis_mode"] == "cluster" {
		f.breaks("redis is a node of a cluster and is used as a single server: list at least two of its addresses")
	}
	switch {
	case info["aof_enabled"] != "1":
		f.breaks("redis keeps no append-only file: everything since the last snapshot is lost in a crash; set appendonly yes")
	case info["aof_last_write_status"] == "err":
		f.breaks("redis cannot write its append-only file")
	default:
		s.examineFsync(ctx, node, &f)
	}
	replicas, _ := strconv.Atoi(info["connected_slaves"])
	err := s.examineWrites(ctx, node, replicas, &f)
	return f, err
}

// examineFsync checks appendfsync. Only CONFIG tells it, and hosted services forbid CONFIG.
func (s *Store) examineFsync(ctx context.Context, node *redis.Client, f *findings) {
	conf, err := node.ConfigGet(ctx, "appendfsync").Result()
	fsync := conf["appendfsync"]
	switch {
	case err != nil && !isServerError(err):
		f.breaks("redis did not say how often it syncs its file")
	case err != nil || fsync == "":
		f.breaks("redis does not let us see appendfsync (CONFIG is forbidden): whether %s holds cannot be verified", s.durability)
	case s.durability.Level == LevelAlways && fsync != "always":
		f.breaks("durability always is promised and appendfsync is %q; set it to always", fsync)
	case fsync == "no":
		f.breaks("redis leaves it to the operating system when to sync its file; set appendfsync everysec")
	}
}

// isServerError reports whether err is an answer of Redis, as opposed to a failure to reach it.
func isServerError(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok
}

// watchEvery is the interval of Watch.
const watchEvery = 15 * time.Second

// Watch calls Check every 15 seconds, and so keeps the clock, the metrics and the log up to date,
// until ctx ends.
func (s *Store) Watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		rescue.Call(s.log, "examining redis panicked", func() { s.checkOnce(ctx) })
	}
}

// checkOnce runs Check once for Watch, within half the interval.
func (s *Store) checkOnce(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, watchEvery/2)
	defer cancel()
	if _, err := s.Check(within); err != nil && ctx.Err() == nil {
		s.log.Warn("redis could not be examined", "err", err)
	}
}
