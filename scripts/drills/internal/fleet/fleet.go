// Package fleet runs the wagates that a drill breaks: processes on one Redis that are killed and
// started again, as a supervisor would do.
package fleet

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"wagate/followup/poll"
	"wagate/scripts/internal/proc"
)

// Replica is one of the wagates that share the work. When it ends it is started again, as a
// supervisor would do, on other ports.
type Replica struct {
	public, admin atomic.Value // addresses; while it is down, the former ones
	// Wrote receives a value for each webhook that has just been written to the replica, if
	// somebody receives.
	Wrote chan struct{}
	// Frozen says that the process is suspended.
	Frozen  atomic.Bool
	shunned atomic.Int64 // until this time, in Unix nanoseconds
	// kills tells the supervisor to kill the process and how long to leave it down.
	kills chan time.Duration

	mu     sync.Mutex
	wagate *proc.Wagate
	up     bool
}

// NewReplica returns a replica that has not started.
func NewReplica() *Replica {
	return &Replica{Wrote: make(chan struct{}), kills: make(chan time.Duration)}
}

// Public returns the address of the public listener; while the replica is down, the former one.
func (r *Replica) Public() string {
	addr, _ := r.public.Load().(string)
	return addr
}

// Admin returns the address of the admin listener; while the replica is down, the former one.
func (r *Replica) Admin() string {
	addr, _ := r.admin.Load().(string)
	return addr
}

// SetPublic sets the address of the public listener.
func (r *Replica) SetPublic(addr string) { r.public.Store(addr) }

// shunFor is how long a replica is shunned.
const shunFor = 5 * time.Second

// shun makes requests go to this replica less often for a while, as a balancer would do with one
// that did not answer in time.
func (r *Replica) shun() { r.shunned.Store(time.Now().Add(shunFor).UnixNano()) }

// Params describe a fleet.
type Params struct {
	Group  *proc.Group
	Binary string
	File   string // the operator's
	Size   int    // number of replicas
	Printf func(string, ...any)
}

// Fleet is all replicas.
type Fleet struct {
	Replicas []*Replica

	p           Params
	supervisors sync.WaitGroup
	// fell counts the times that a replica ended without being killed.
	fell atomic.Int64
}

// Start starts the replicas and supervises them until ctx ends. Call Wait after that, also if Start
// returned an error: Start returns the fleet in both cases.
func Start(ctx context.Context, p Params) (*Fleet, error) {
	f := &Fleet{p: p}
	for range p.Size {
		r := NewReplica()
		f.Replicas = append(f.Replicas, r)
		if err := f.start(ctx, r); err != nil {
			return f, err
		}
		f.supervisors.Go(func() { f.supervise(ctx, r) })
	}
	return f, nil
}

// Wait returns once the replicas are no longer supervised.
func (f *Fleet) Wait() { f.supervisors.Wait() }

// Fell returns how often a replica ended without being killed.
func (f *Fleet) Fell() int { return int(f.fell.Load()) }

// Any returns a random replica. It may be down; it is seldom one that is shunned.
func (f *Fleet) Any() *Replica {
	i := rand.IntN(len(f.Replicas))                                               //nolint:gosec // no secret
	if time.Now().UnixNano() < f.Replicas[i].shunned.Load() && rand.IntN(8) > 0 { //nolint:gosec // no secret
		i = (i + 1) % len(f.Replicas)
	}
	return f.Replicas[i]
}

// Up waits until all replicas are up.
func (f *Fleet) Up(ctx context.Context) error {
	for _, r := range f.Replicas {
		if err := r.Up(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Pending returns a gauge of what is still to be done, from the first replica that can tell. It
// returns 1 if none can.
func (f *Fleet) Pending(ctx context.Context, gauge string) float64 {
	for _, r := range f.Replicas {
		if w := r.Alive(); w != nil {
			if m, err := w.Metrics(ctx); err == nil {
				if n, ok := m.Gauge(gauge); ok {
					return n
				}
			}
		}
	}
	return 1
}

func (f *Fleet) start(ctx context.Context, r *Replica) error {
	w, err := f.p.Group.StartWagate(ctx, f.p.Binary, f.p.File)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wagate, r.up = w, true
	r.public.Store(w.Public)
	r.admin.Store(w.Admin)
	return nil
}

// Alive returns the process of the replica, or nil while it is down.
func (r *Replica) Alive() *proc.Wagate {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.up {
		return nil
	}
	return r.wagate
}

// Up waits until the replica is up or ctx ends.
func (r *Replica) Up(ctx context.Context) error {
	for r.Alive() == nil {
		if err := poll.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// Kill tells the supervisor to kill the replica as a crash would and to start it again after down.
// It returns true once the supervisor has taken that up, and false if ctx ended first.
func (r *Replica) Kill(ctx context.Context, down time.Duration) bool {
	select {
	case r.kills <- down:
		return true
	case <-ctx.Done():
		return false
	}
}

// supervise keeps a replica running, except for the times that it is killed for. It tries again and
// again to start the process, because wagate does not start without Redis.
func (f *Fleet) supervise(ctx context.Context, r *Replica) {
	for {
		w := r.Alive()
		var down time.Duration
		select {
		case down = <-r.kills:
			w.Kill()
		case <-w.Ended():
			if ctx.Err() != nil {
				return
			}
			f.fell.Add(1)
			f.p.Printf("wagate ended by itself: %s\n", w.Said())
		case <-ctx.Done():
			return
		}
		r.mu.Lock()
		r.up = false
		r.mu.Unlock()
		for {
			if poll.Sleep(ctx, down) != nil {
				return
			}
			if f.start(ctx, r) == nil {
				break
			}
			down = 100 * time.Millisecond
		}
	}
}
