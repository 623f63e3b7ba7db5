package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/sometimes"
)

// formatVersion is the version of all that has one of its own: a lead, a config, a
// dead letter.
const formatVersion = 1

// storeFormat is the format of a store that this program begins. It goes on with each that
// there was as that is, and refuses a later one. From fewFormat on, a lead's hash may have
// first sights: an older program would not find them there.
const (
	storeFormat = 2
	fewFormat   = 2
)

// The number of partitions: by default, and at most.
const (
	defaultPartitions = 64
	maxPartitions     = 1024
)

var (
	openScript   = load("open")
	anchorScript = load("anchor")
)

var (
	// errClient: a Ring would spread the slots without telling the scripts.
	errClient = errors.New("want a *redis.Client or *redis.ClusterClient")
	// errNoMaster: whichever node is asked, it knows of none that serves a slot.
	errNoMaster = errors.New("the cluster has no master")
	// ErrMismatch says that the data in Redis was written with other settings.
	ErrMismatch = errors.New("redisstore: the data in redis does not fit")
)

// Params is what a store is opened with.
type Params struct {
	// Client is a *redis.Client (also of a sentinel) or a *redis.ClusterClient;
	// see NewClient. The caller closes it, after the store's last call.
	Client redis.UniversalClient
	// Partitions is fixed by the first start. Zero takes what was fixed, at the
	// first start defaultPartitions.
	Partitions int
	// MaxBacklog bounds the events that wait for one assistant, in queues and dead letters. Zero: no bound.
	MaxBacklog int
	// Durability is the promise behind Settle and the guards.
	Durability Durability
	// WaitTimeout bounds the wait for replicas; default one second. It must be
	// shorter than the client's read time-out.
	WaitTimeout time.Duration
	// Embedded says that Client is an in-process Redis, of which no
	// durability is expected.
	Embedded bool
	// OnEnded, if set, is told of the runs that ended where the contract returns
	// none, so that they are counted.
	OnEnded    func([]followup.Ended)
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Wall is the machine's clock, which somebody may set; default time.Now.
	Wall func() time.Time
	// Elapsed is how long the process runs, by a clock that nobody sets; by default
	// what Go measures durations with.
	Elapsed func() time.Duration
}

// Open checks that the Redis behind the client holds data of this format and
// number of partitions, or none, and examines whether it is fit to keep the
// promise; what it finds it says in the log and in the metrics, and Check
// returns it. It does not refuse a Redis that promises less.
func Open(ctx context.Context, p Params) (*Store, error) {
	s, err := build(p)
	if err != nil {
		return nil, err
	}
	if err := s.fix(ctx, p.Partitions); err != nil {
		return nil, err
	}
	s.metrics = newMetrics(p.Registerer, s)
	if _, err := s.Check(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Inspect reports all that is wrong with the Redis behind the client for a store
// opened with p, and of that what Open refuses, too. It writes nothing: what is only
// looked at is fixed to no format and to no number of partitions.
func Inspect(ctx context.Context, p Params) (Report, error) {
	s, err := build(p)
	if err != nil {
		return Report{}, err
	}
	fixed, err := s.db.HMGet(ctx, metaKey, "format", "partitions").Result()
	if err != nil {
		return Report{}, unopened(err)
	}
	var unfit error
	if len(fixed) == 2 && fixed[0] != nil {
		unfit = s.fits(fixed, p.Partitions)
	}
	s.metrics = newMetrics(p.Registerer, s)
	r, err := s.Check(ctx)
	if unfit != nil {
		r.Problems = append([]string{unfit.Error()}, r.Problems...)
	}
	return r, err
}

// build returns a store that has asked Redis nothing yet.
func build(p Params) (*Store, error) {
	if p.Partitions < 0 || p.Partitions > maxPartitions {
		return nil, fmt.Errorf("redisstore: %d partitions: want 1 to %d", p.Partitions, maxPartitions)
	}
	s := &Store{
		db: p.Client, durability: p.Durability, embedded: p.Embedded,
		waitTimeout: cmp.Or(p.WaitTimeout, time.Second), patience: usualPatience,
		log:      cmp.Or(p.Logger, slog.New(slog.DiscardHandler)).With("component", "redisstore"),
		newToken: token, onEnded: p.OnEnded, backlog: backlog{bound: p.MaxBacklog, age: tallyAge},
		lefts: sometimes.Limiter[string]{Interval: tellEvery},
	}
	s.clock.wall, s.clock.elapsed = p.Wall, p.Elapsed
	if s.clock.wall == nil {
		s.clock.wall = func() time.Time { return time.Now().Round(0) } // the machine's own
	}
	if s.clock.elapsed == nil {
		began := time.Now()
		s.clock.elapsed = func() time.Duration { return time.Since(began) }
	}
	s.now = s.clock.now
	if s.onEnded == nil {
		s.onEnded = func([]followup.Ended) {}
	}
	return s, nil
}

// fix agrees with the Redis on format and number of partitions.
func (s *Store) fix(ctx context.Context, partitions int) error {
	v, err := s.run(ctx, openScript, []string{metaKey}, storeFormat, partitions, defaultPartitions)
	if err != nil {
		return unopened(err)
	}
	r, _ := v.([]any)
	if len(r) != 2 {
		return fmt.Errorf("open store: unexpected reply")
	}
	return s.fits(r, partitions)
}

// unopened says why Redis did not answer.
func unopened(err error) error {
	switch {
	case isMoved(err):
		err = fmt.Errorf("%w (this is a node of a cluster: list at least two of its addresses)", err)
	case errors.Is(err, redis.Nil): // the client calls sentinels that answer so unreachable
		err = fmt.Errorf("%w (a sentinel knows no master of this name: see redis.sentinel.master)", err)
	}
	return fmt.Errorf("open store: redis: %w", err)
}

// fits takes over the format and the number of partitions that are fixed, unless
// the store is to have others.
func (s *Store) fits(r []any, partitions int) error {
	format, _ := strconv.Atoi(fmt.Sprint(r[0]))
	fixed, _ := strconv.Atoi(fmt.Sprint(r[1]))
	if format < 1 || format > storeFormat {
		return fmt.Errorf("%w: it has format %d, this program reads and writes formats 1 to %d; "+
			"run the version that wrote it, or use an empty redis", ErrMismatch, format, storeFormat)
	}
	if partitions != 0 && fixed != partitions {
		return fmt.Errorf("%w: it has %d partitions, configured are %d; the number is fixed by the first start: "+
			"set redis.partitions to %d, or use an empty redis", ErrMismatch, fixed, partitions, fixed)
	}
	s.partitions, s.fewInHash = fixed, format >= fewFormat
	return nil
}

// Anchor fixes a domain clock that runs at speed times real time, and returns
// an instant of it with the real instant that it belongs to: domain time at r is
// domainStart + (r − realStart) × speed. The first call begins at real; later
// ones, after a restart, go on where the clock was, also when the speed is
// another one.
func (s *Store) Anchor(ctx context.Context, speed float64, real time.Time) (domainStart, realStart time.Time, err error) {
	if !(speed > 0) || math.IsInf(speed, 0) {
		return time.Time{}, time.Time{}, fmt.Errorf("anchor clock: speed %v: want more than 0", speed)
	}
	v, err := s.run(ctx, anchorScript, []string{metaKey}, strconv.FormatFloat(speed, 'g', -1, 64), ms(real))
	if err != nil {
		return time.Time{}, time.Time{}, fmt.Errorf("anchor clock: %w", err)
	}
	r, _ := v.([]any)
	if len(r) != 2 {
		return time.Time{}, time.Time{}, fmt.Errorf("anchor clock: unexpected reply")
	}
	domain, _ := strconv.ParseInt(fmt.Sprint(r[0]), 10, 64)
	began, _ := strconv.ParseInt(fmt.Sprint(r[1]), 10, 64)
	return time.UnixMilli(domain).UTC(), time.UnixMilli(began).UTC(), nil
}
