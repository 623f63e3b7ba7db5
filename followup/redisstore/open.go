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

// formatVersion is the version that this program gives to everything stored with a version of its
// own, such as a lead, a config or a dead letter.
const formatVersion = 1

// storeFormat is the format of a store that this program begins. The program leaves a store of an
// earlier format at that format, and refuses one of a later format. From fewFormat on, a lead's
// hash may hold its first sights, where a program that knows only earlier formats would not look.
const (
	storeFormat = 2
	fewFormat   = 2
)

// The default and the largest number of partitions.
const (
	defaultPartitions = 64
	maxPartitions     = 1024
)

var (
	openScript   = load("open")
	anchorScript = load("anchor")
)

var (
	// errClient refuses every other client: a Ring would spread the slots without telling the scripts.
	errClient = errors.New("want a *redis.Client or *redis.ClusterClient")
	// errNoMaster says that none of the nodes asked knows a master that serves a slot.
	errNoMaster = errors.New("the cluster has no master")
	// ErrMismatch says that the data in Redis was written in another format or with another number
	// of partitions.
	ErrMismatch = errors.New("redisstore: the data in redis does not fit")
)

// Params says how to open a store. Only Client is required.
type Params struct {
	// Client is a *redis.Client, also one that finds its master through sentinels, or a
	// *redis.ClusterClient; see NewClient. The caller closes it, after the store's last call.
	Client redis.UniversalClient
	// Partitions is the number of partitions, 1 to 1024. The first start fixes it; Open refuses
	// another number later. Zero means the number that is fixed, and 64 at the first start.
	Partitions int
	// MaxBacklog bounds the events that wait for one assistant, in queues and in dead letters; zero:
	// no bound.
	MaxBacklog int
	// Durability is how durable the effect of Settle and of the guards must be before they return nil.
	Durability Durability
	// WaitTimeout bounds the wait for replicas; default one second. It must be shorter than the
	// client's read time-out.
	WaitTimeout time.Duration
	// Embedded says that Client leads to a Redis in this process, of which no durability is expected.
	Embedded bool
	// OnEnded, if set, is called with the runs that ended where the contract does not return them,
	// so that they are counted. It may be called by several goroutines at once.
	OnEnded    func([]followup.Ended)
	Logger     *slog.Logger          // nil: no log
	Registerer prometheus.Registerer // nil: no metrics
	// Wall is the machine's clock, which may be set at any time; default time.Now.
	Wall func() time.Time
	// Elapsed says how long the process has run, by a clock that cannot be set; default Go's
	// monotonic clock.
	Elapsed func() time.Duration
}

// Open opens a store on the Redis behind p.Client. It returns ErrMismatch if Redis holds data of a
// format that this program does not know, or of another number of partitions than p.Partitions. In
// an empty Redis it fixes both. Open examines, like Check, whether Redis can keep the promised
// durability, and reports what it finds in the log and in the metrics; it does not refuse a Redis
// that promises less.
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

// Inspect reports everything that is wrong with the Redis behind p.Client for a store opened with
// p, including what Open refuses. It writes nothing: an empty Redis that was only inspected has no
// fixed format and no fixed number of partitions.
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

// build returns a store that has not asked Redis anything yet.
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
		s.clock.wall = func() time.Time { return time.Now().Round(0) } // without the monotonic clock
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

// fix fixes the format and the number of partitions in an empty Redis, and takes over what is fixed.
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

// unopened returns the error of Open or Inspect for an error of Redis, with a hint where the
// operator's file is the likely cause.
func unopened(err error) error {
	switch {
	case isMoved(err):
		err = fmt.Errorf("%w (this is a node of a cluster: list at least two of its addresses)", err)
	case errors.Is(err, redis.Nil): // the client calls sentinels that answer so unreachable
		err = fmt.Errorf("%w (a sentinel knows no master of this name: see redis.sentinel.master)", err)
	}
	return fmt.Errorf("open store: redis: %w", err)
}

// fits takes over the format and the number of partitions that are fixed. It returns ErrMismatch
// if this program does not know the format, or if another number of partitions is wanted; zero
// wants none.
func (s *Store) fits(r []any, partitions int) error {
	format, _ := strconv.Atoi(fmt.Sprint(r[0]))
	fixed, _ := strconv.Atoi(fmt.Sprint(r[1]))
	if format < 1 || format > storeFormat {
		return fmt.Errorf("%w: it has format %d, this program reads and writes formats 1 to %d; "+
			"run the version that wrote it, or use an empty redis", ErrMismatch, format, storeFormat)
	}
	if partitions != 0 && fixed != partitions {
		return fmt.Errorf("%w: it has %d partitions, %d are configured; the number is fixed by the first start: "+
			"set redis.partitions to %d, or use an empty redis", ErrMismatch, fixed, partitions, fixed)
	}
	s.partitions, s.fewInHash = fixed, format >= fewFormat
	return nil
}

// Anchor fixes a domain clock that runs at speed times real time. It returns an instant of that
// clock and the real instant that it belongs to: domain time at the real instant r is
// domainStart + (r − realStart) × speed. At the first call the clock starts at real. Later calls,
// after a restart, go on from where the clock was, even at another speed. Anchor returns an error
// unless speed is finite and more than 0.
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
