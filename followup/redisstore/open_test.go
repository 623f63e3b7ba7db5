package redisstore

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"wagate/followup/redisstore/redistest"
)

// TestOpenStoresPartitionsAndFormat: the first Open stores the number of partitions. Later ones
// must take it over or refuse another, with a message that says what to do, and must refuse a
// format that they do not know.
func TestOpenStoresPartitionsAndFormat(t *testing.T) {
	t.Parallel()
	db := redistest.Start(t).Client()
	if s := openStore(t, Params{Client: db, Partitions: 4}); s.partitions != 4 {
		t.Fatalf("partitions: got %d, want 4", s.partitions)
	}
	s, err := Open(t.Context(), Params{Client: db})
	if err != nil || s.partitions != 4 {
		t.Fatalf("no partitions given: got %v, %v, want 4 partitions", s, err)
	}
	_, err = Open(t.Context(), Params{Client: db, Partitions: 8})
	if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "set redis.partitions to 4") {
		t.Fatalf("other partitions: got %v, want an ErrMismatch that says what to do", err)
	}
	if err := db.HSet(t.Context(), metaKey, "format", "99").Err(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Params{Client: db, Partitions: 4})
	if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "format 99") {
		t.Fatalf("other format: got %v, want an ErrMismatch that names it", err)
	}
}

// TestInspectWritesNothing: Inspect must report every problem and write nothing.
func TestInspectWritesNothing(t *testing.T) {
	t.Parallel()
	db := redistest.Start(t).Client() // without an append-only file
	r, err := Inspect(t.Context(), Params{Client: db, Partitions: 4})
	if err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "append-only") {
		t.Errorf("empty Redis: got %v, %v, want one problem, about the append-only file", r.Problems, err)
	}
	if n, err := db.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("keys after Inspect: got %d, %v, want none", n, err)
	}
	openStore(t, Params{Client: db, Partitions: 8})
	r, err = Inspect(t.Context(), Params{Client: db, Partitions: 4})
	if err != nil || len(r.Problems) != 2 || !strings.Contains(r.Problems[0], "set redis.partitions to 8") || !strings.Contains(r.Problems[1], "append-only") {
		t.Errorf("other partitions: got %v, %v, want two problems, about the partitions and the append-only file", r.Problems, err)
	}
	if r, err = Inspect(t.Context(), Params{Client: db}); err != nil || len(r.Problems) != 1 {
		t.Errorf("no partitions given: got %v, %v, want one problem, about the append-only file", r.Problems, err)
	}
	if _, err = Inspect(t.Context(), Params{Client: db, Partitions: maxPartitions + 1}); err == nil {
		t.Error("too many partitions: got no error, want one")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err = Inspect(t.Context(), Params{Client: db}); err == nil {
		t.Error("closed client: got no error, want one")
	}
}

// otherVersion is a client hook that makes Redis report another version of itself.
type otherVersion string

func (otherVersion) DialHook(next redis.DialHook) redis.DialHook { return next }

func (otherVersion) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (v otherVersion) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if info, ok := cmd.(*redis.StringCmd); ok && cmd.Name() == "info" {
			info.SetVal(regexp.MustCompile(`(?m)^redis_version:[^\r]*`).ReplaceAllString(info.Val(), string(v)))
		}
		return err
	}
}

// TestInspectReportsOldRedis: an old Redis must be reported, because it may refuse a script with
// each webhook and look healthy otherwise.
func TestInspectReportsOldRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.AOF("everysec"))
	for version, want := range map[string]int{
		"redis_version:6.2.14": 1, "redis_version:5.0.7": 1, "redis_version:7.0.0": 0, "redis_version:8.2": 0, "redis_version:10.0.1": 0,
		"redis_version:unstable": 0, "another_version:1": 0,
	} {
		db := server.Client()
		db.AddHook(otherVersion(version))
		r, err := Inspect(t.Context(), Params{Client: db})
		if err != nil || len(r.Problems) != want {
			t.Errorf("%s: got %v, %v, want %d problems", version, r.Problems, err, want)
		}
		if want > 0 && !strings.Contains(strings.Join(r.Problems, ""), "version 7 or later is needed") {
			t.Errorf("%s: got %v, want one that says which version is needed", version, r.Problems)
		}
	}
}

// TestOpenDefaultsPartitions: without a number given or stored, Open must take the default.
func TestOpenDefaultsPartitions(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Params{Client: redistest.Start(t).Client()})
	if err != nil || s.partitions != defaultPartitions {
		t.Errorf("no partitions given nor stored: got %d, %v, want %d", s.partitions, err, defaultPartitions)
	}
}

// TestCheckReportsDurability: Check must find whether Redis is configured to keep the promised
// durability. The report, the metric and, once, the log must say so.
func TestCheckReportsDurability(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		opts    []redistest.Option
		level   Durability
		durable bool
		problem string
	}{
		{"no append-only file", nil, Durability{}, false, "append-only"},
		{"everysec, as promised", []redistest.Option{redistest.AOF("everysec")}, Durability{}, true, ""},
		{"always, as promised", []redistest.Option{redistest.AOF("always")}, Durability{Level: LevelAlways}, true, ""},
		{"always promised, everysec configured", []redistest.Option{redistest.AOF("everysec")}, Durability{Level: LevelAlways}, false, "appendfsync"},
		{"fsync left to the system", []redistest.Option{redistest.AOF("no")}, Durability{}, false, "appendfsync"},
		{"evicts keys", []redistest.Option{redistest.AOF("everysec"), redistest.Set("maxmemory-policy", "allkeys-lru")}, Durability{}, false, "noeviction"},
		{"CONFIG forbidden", []redistest.Option{redistest.AOF("everysec"), redistest.Set("rename-command", "CONFIG \"\"")}, Durability{}, false, "cannot be verified"},
		{"no replica", []redistest.Option{redistest.AOF("everysec")}, oneReplica, false, "0 replicas"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			reg := prometheus.NewRegistry()
			s := openStore(t, Params{
				Client: redistest.Start(t, tt.opts...).Client(), Durability: tt.level, Registerer: reg,
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			r, err := s.Check(t.Context())
			if err != nil || r.Durable != tt.durable {
				t.Fatalf("got %+v, %v, want durable %v", r, err, tt.durable)
			}
			if tt.problem == "" && len(r.Problems) > 0 {
				t.Errorf("problems: got %q, want none", r.Problems)
			}
			if tt.problem != "" && !strings.Contains(strings.Join(r.Problems, "\n"), tt.problem) {
				t.Errorf("problems: got %q, want one about %q", r.Problems, tt.problem)
			}
			if tt.problem != "" && strings.Count(log.String(), tt.problem) != 1 {
				t.Errorf("log: got %q, want %q in it once", &log, tt.problem)
			}
			want := "wagate_redis_durable 0"
			if tt.durable {
				want = "wagate_redis_durable 1"
			}
			text := "# HELP wagate_redis_durable 1 if Redis is configured to keep the promised durability, else 0.\n" +
				"# TYPE wagate_redis_durable gauge\n" + want + "\n" +
				"# HELP wagate_redis_up 1 if Redis answered when this was scraped, else 0.\n" +
				"# TYPE wagate_redis_up gauge\nwagate_redis_up 1\n"
			if err := testutil.GatherAndCompare(reg, strings.NewReader(text), "wagate_redis_durable", "wagate_redis_up"); err != nil {
				t.Error(err)
			}
			if r.Offset.Abs() > time.Second {
				t.Errorf("offset to a Redis on this machine: got %v, want less than a second", r.Offset)
			}
		})
	}
}

// TestCheckReportsLostData: when Redis was flushed, or started without its files, the programs go
// on with what comes and nothing else shows the loss, so Check must report it. The report ends with
// the restart that begins a new store.
func TestCheckReportsLostData(t *testing.T) {
	t.Parallel()
	db := redistest.Start(t, redistest.AOF("everysec")).Client()
	s := openStore(t, Params{Client: db, Partitions: 4})
	wants := func(s *Store, when, problem string) {
		t.Helper()
		r, err := s.Check(t.Context())
		if err != nil || r.Durable != (problem == "") || !strings.Contains(strings.Join(r.Problems, "\n"), problem) {
			t.Errorf("%s: got %+v, %v, want a problem that says %q", when, r, err, problem)
		}
	}
	wants(s, "at first", "")
	if err := db.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	wants(s, "after a flush", "has lost its data")
	other := openStore(t, Params{Client: db, Partitions: 8})
	wants(s, "after another process began a new store", "with 8 partitions, not 4")
	wants(other, "the process that began it", "")
}

// TestEmbeddedClockHasNoOffset: the clock of an embedded Redis is this process's own, so there must
// be no offset to it, however long asking it takes.
func TestEmbeddedClockHasNoOffset(t *testing.T) {
	t.Parallel()
	client, stop, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	var ran time.Duration
	s := openStore(t, Params{
		Client: client, Embedded: true,
		Elapsed: func() time.Duration { return ran }, Wall: func() time.Time { return epoch.Add(ran) },
	})
	for range 20 {
		ran += time.Second
		if got, want := s.Real(), epoch.Add(ran); !got.Equal(want) {
			t.Fatalf("real time: got %v, want %v", got, want)
		}
		if r, err := s.Check(t.Context()); err != nil || r.Offset != 0 {
			t.Fatalf("offset: got %v, %v, want none", r.Offset, err)
		}
	}
}

// TestEmbeddedClientHasLongTimeouts: the client of an embedded Redis must not time out while this
// process waits for a processor.
func TestEmbeddedClientHasLongTimeouts(t *testing.T) {
	t.Parallel()
	client, stop, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if o := client.Options(); o.ReadTimeout < time.Minute || o.WriteTimeout < time.Minute {
		t.Errorf("time-outs: got %v and %v, want at least a minute", o.ReadTimeout, o.WriteTimeout)
	}
}

// TestUpFollowsRedis: wagate_redis_up must be 0 once Redis is gone.
func TestUpFollowsRedis(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	reg := prometheus.NewRegistry()
	openStore(t, Params{Client: srv.Client(), Registerer: reg})
	srv.Kill()
	text := "# HELP wagate_redis_up 1 if Redis answered when this was scraped, else 0.\n# TYPE wagate_redis_up gauge\nwagate_redis_up 0\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(text), "wagate_redis_up"); err != nil {
		t.Error(err)
	}
}

// TestI12AnchorNeverRewinds restarts the domain clock at the same speed and at others. Domain time
// must go on from where it was.
func TestI12AnchorNeverRewinds(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		domain := func(speed float64, at time.Time) time.Time {
			d, r, err := s.Anchor(t.Context(), speed, at)
			if err != nil {
				t.Fatal(err)
			}
			return d.Add(time.Duration(float64(at.Sub(r)) * speed))
		}
		for _, step := range []struct {
			speed float64
			after time.Duration // since epoch, real
			want  time.Duration // since epoch, domain
		}{
			{60, 0, 0},
			{60, time.Minute, time.Hour},
			{1, 2 * time.Minute, 2 * time.Hour},
			{1, 3 * time.Minute, 2*time.Hour + time.Minute},
			{3600, 3 * time.Minute, 2*time.Hour + time.Minute},
			{1, time.Minute, 2*time.Hour + time.Minute}, // the real clock was set back
		} {
			if got := domain(step.speed, epoch.Add(step.after)).Sub(epoch); got != step.want {
				t.Errorf("speed %v after %v: got %v, want %v", step.speed, step.after, got, step.want)
			}
		}
		if _, _, err := s.Anchor(t.Context(), 0, epoch); err == nil {
			t.Error("speed 0: got no error, want one")
		}
	})
}
