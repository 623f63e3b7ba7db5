package load

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Plan describes the load on a server.
type Plan struct {
	Addr        string // host:port
	Connections int
	// For is how long to go on. The load ends earlier when there are no more requests.
	For time.Duration
	// PerSecond is the rate of an open loop; zero: a closed loop.
	PerSecond float64
}

// Result is the result of a load.
type Result struct {
	Began   time.Time
	Elapsed time.Duration
	// Latencies are the latencies of the requests that were answered 200. If none failed, they
	// belong to the first requests given, in their order.
	Latencies []time.Duration
	Failed    int
	Failure   string // the error of one failed request
}

// Sorted returns the latencies, shortest first.
func (r Result) Sorted() []time.Duration { return slices.Sorted(slices.Values(r.Latencies)) }

// Due returns when the i-th request of an open loop was due.
func (p Plan) Due(began time.Time, i int) time.Time {
	return began.Add(time.Duration(float64(i) / p.PerSecond * float64(time.Second)))
}

// Run puts the load on the server. Failed requests are in the result; the error says that the load
// could not be run.
func Run(ctx context.Context, p Plan, requests [][]byte) (Result, error) {
	r := &run{Plan: p, requests: requests, latencies: make([]time.Duration, len(requests))}
	conns := make([]*conn, p.Connections)
	for i := range conns {
		c, err := dial(ctx, p.Addr)
		if err != nil {
			return Result{}, err
		}
		defer func() { _ = c.Close() }()
		conns[i] = c
	}
	stop := context.AfterFunc(ctx, func() {
		for _, c := range conns {
			c.giveUp()
		}
	})
	defer stop()

	r.began = time.Now()
	var workers sync.WaitGroup
	for _, c := range conns {
		workers.Go(func() { r.work(c) })
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	return r.result(), nil
}

// run is a load that is under way.
type run struct {
	Plan

	requests  [][]byte
	began     time.Time
	latencies []time.Duration // by request; zero: no answer
	next      atomic.Int64
	last      atomic.Int64 // time of the last answer, nanoseconds after began

	mu      sync.Mutex
	failed  int
	failure string
}

// work makes one request after the other on a connection until there are no more or the connection
// fails. It finishes a request that it has begun.
func (r *run) work(c *conn) {
	for {
		from, i, ok := r.take()
		if !ok {
			return
		}
		time.Sleep(time.Until(from))
		status, err := c.do(r.requests[i])
		end := time.Now()
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		if err != nil {
			r.fail(err)
			if status == 0 {
				return
			}
			continue
		}
		r.latencies[i] = end.Sub(from)
		r.ended(end)
	}
}

// take returns the next request and the instant from which its latency counts: now, or in an open
// loop the instant when it is due, however late it is. Every request that is due within the plan's
// time is made, even if the server takes longer.
func (r *run) take() (from time.Time, i int, ok bool) {
	from = time.Now()
	if r.PerSecond == 0 && from.Sub(r.began) >= r.For {
		return from, 0, false
	}
	i = int(r.next.Add(1)) - 1
	if i >= len(r.requests) {
		return from, i, false
	}
	if r.PerSecond > 0 {
		from = r.Due(r.began, i)
	}
	return from, i, from.Sub(r.began) < r.For
}

func (r *run) ended(at time.Time) {
	n := int64(at.Sub(r.began))
	for last := r.last.Load(); n > last && !r.last.CompareAndSwap(last, n); last = r.last.Load() {
	}
}

func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed++
	r.failure = err.Error()
}

func (r *run) result() Result {
	return Result{
		Began: r.began, Elapsed: time.Duration(r.last.Load()), Failed: r.failed, Failure: r.failure,
		Latencies: slices.DeleteFunc(r.latencies, func(d time.Duration) bool { return d == 0 }),
	}
}
