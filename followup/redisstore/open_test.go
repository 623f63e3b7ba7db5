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

func TestOpenFixesWhatMustAgree(t *testing.T) {
	t.Parallel()
	db := redistest.Start(t).Client()
	if s := openStore(t, Params{Client: db, Partitions: 4}); s.partitions != 4 {
		t.Fatalf("partitions: got %d, want 4", s.partitions)
	}
	s, err := Open(t.Context(), Params{Client: db})
	if err != nil || s.partitions != 4 {
		t.Fatalf("whatever was fixed: got %v, %v, want 4 partitions", s, err)
	}
	_, err = Open(t.Context(), Params{Client: db, Partitions: 8})
	if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "set redis.partitions to 4") {
		t.Fatalf("other partitions: got %v, want ErrMismatch that says what to do", err)
	}
	if err := db.HSet(t.Context(), metaKey, "format", "99").Err(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Params{Client: db, Partitions: 4})
	if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "format 99") {
		t.Fatalf("other format: got %v, want ErrMismatch that names it", err)
	}
}

// TestInspectOnlyLooks: it tells all that is in the way, and fixes nothing.
func TestInspectOnlyLooks(t *testing.T) {
	t.Parallel()
	db := redistest.Start(t).Client() // without an append-only file
	r, err := Inspect(t.Context(), Params{Client: db, Partitions: 4})
	if err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "append-only") {
		t.Errorf("an empty redis: got %v, %v, want one problem, with the file", r.Problems, err)
	}
	if n, err := db.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("got %d keys, %v, want none", n, err)
	}
	openStore(t, Params{Client: db, Partitions: 8})
	r, err = Inspect(t.Context(), Params{Client: db, Partitions: 4})
	if err != nil || len(r.Problems) != 2 || !strings.Contains(r.Problems[0], "set redis.partitions to 8") || !strings.Contains(r.Problems[1], "append-only") {
		t.Errorf("other partitions: got %v, %v, want these and the file", r.Problems, err)
	}
	if r, err = Inspect(t.Context(), Params{Client: db}); err != nil || len(r.Problems) != 1 {
		t.Errorf("whatever is fixed: got %v, %v, want the file alone", r.Problems, err)
	}
	if _, err = Inspect(t.Context(), Params{Client: db, Partitions: maxPartitions + 1}); err == nil {
		t.Error("too many partitions: got no error")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err = Inspect(t.Context(), Params{Client: db}); err == nil {
		t.Error("no redis: got no error")
	}
}

// otherVersion has Redis tell another version of itself.
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

// TestInspectTellsOfAnOldRedis: it may refuse a script with each webhook, and look well otherwise.
func TestInspectTellsOfAnOldRedis(t *testing.T) {
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
			t.Errorf("%s: got %v, want one that says what is needed", version, r.Problems)
		}
	}
}

func TestOpenTakesItsOwnNumberOfPartitions(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Params{Client: redistest.Start(t).Client()})
	if err != nil || s.partitions != defaultPartitions {
		t.Errorf("nothing said and nothing fixed: got %d partitions, %v, want %d", s.partitions, err, defaultPartitions)
	}
}

func TestCheckSeesWhetherThePromiseHolds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		opts    []redistest.Option
		level   Durability
		durable bool
		problem string
	}{
		{"no file", nil, Durability{}, false, "append-only"},
		{"everysec kept", []redistest.Option{redistest.AOF("everysec")}, Durability{}, true, ""},
		{"always kept", []redistest.Option{redistest.AOF("always")}, Durability{Level: LevelAlways}, true, ""},
		{"always promised, everysec kept", []redistest.Option{redistest.AOF("everysec")}, Durability{Level: LevelAlways}, false, "appendfsync"},
		{"left to the system", []redistest.Option{redistest.AOF("no")}, Durability{}, false, "appendfsync"},
		{"evicting", []redistest.Option{redistest.AOF("everysec"), redistest.Set("maxmemory-policy", "allkeys-lru")}, Durability{}, false, "noeviction"},
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
				t.Errorf("log: got %q, want %q told once", &log, tt.problem)
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
				t.Errorf("offset to a Redis on this machine: got %v", r.Offset)
			}
		})
	}
}

// TestCheckSeesThatAllIsGone: who flushes Redis, or starts it without its files, leaves no other trace; the
// programs go on with what comes. What is told ends with the restart that begins anew.
func TestCheckSeesThatAllIsGone(t *testing.T) {
	t.Parallel()
	db := redistest.Start(t, redistest.AOF("everysec")).Client()
	s := openStore(t, Params{Client: db, Partitions: 4})
	wants := func(s *Store, when, problem string) {
		t.Helper()
		r, err := s.Check(t.Context())
		if err != nil || r.Durable != (problem == "") || !strings.Contains(strings.Join(r.Problems, "\n"), problem) {
			t.Errorf("%s: got %+v, %v, want a problem with %q", when, r, err, problem)
		}
	}
	wants(s, "at first", "")
	if err := db.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	wants(s, "flushed", "has lost its data")
	other := openStore(t, Params{Client: db, Partitions: 8})
	wants(s, "begun anew by another", "with 8 partitions, not 4")
	wants(other, "who began anew", "")
}

// The clock of a Redis in this process is ours, however long it takes to ask.
func TestEmbeddedClockIsOurs(t *testing.T) {
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
			t.Fatalf("got %v, %v, want no offset", r.Offset, err)
		}
	}
}

// Its client gives up on nothing while this process has to wait for a processor.
func TestEmbeddedIsWaitedFor(t *testing.T) {
	t.Parallel()
	client, stop, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if o := client.Options(); o.ReadTimeout < time.Minute || o.WriteTimeout < time.Minute {
		t.Errorf("got time-outs %v and %v, want them long", o.ReadTimeout, o.WriteTimeout)
	}
}

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

// TestI12AnchorNeverRewinds restarts the domain clock at the same and at
// another speed.
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
			t.Error("speed 0: got no error")
		}
	})
}
