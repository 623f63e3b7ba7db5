// Package fleet is the wagates that a drill breaks: processes on one Redis that are
// killed, and started again as a supervisor would.
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

// Replica is one of the wagates that share the work. It is started again when it
// ends, as a supervisor would, on other ports.
type Replica struct {
	public, admin atomic.Value // addresses; the old ones while it is down
	// Wrote is told of each webhook that has just been written to it, if
	// somebody listens.
	Wrote chan struct{}
	// Frozen says that it was stopped without being ended.
	Frozen  atomic.Bool
	shunned atomic.Int64 // until when, in Unix nanoseconds
	// kills tells the supervisor how long to leave it down.
	kills chan time.Duration

	mu     sync.Mutex
	wagate *proc.Wagate
	up     bool
}

// NewReplica returns one that is not started yet.
func NewReplica() *Replica {
	return &Replica{Wrote: make(chan struct{}), kills: make(chan time.Duration)}
}

// Public and Admin are the addresses of its listeners; the old ones while it is
// down.
func (r *Replica) Public() string {
	addr, _ := r.public.Load().(string)
	return addr
}

// Admin is the address of the admin listener.
func (r *Replica) Admin() string {
	addr, _ := r.admin.Load().(string)
	return addr
}

// SetPublic says where the public listener is.
func (r *Replica) SetPublic(addr string) { r.public.Store(addr) }

// shunFor is for how long one that did not answer in time is asked less often.
const shunFor = 5 * time.Second

// shun has it asked less often for a while, as a balancer would do with one that
// did not answer in time.
func (r *Replica) shun() { r.shunned.Store(time.Now().Add(shunFor).UnixNano()) }

// Params say what a fleet is made of.
type Params struct {
	Group  *proc.Group
	Binary string
	File   string // the operator's
	Size   int    // how many replicas
	Printf func(string, ...any)
}

// Fleet is all replicas.
type Fleet struct {
	Replicas []*Replica

	p           Params
	supervisors sync.WaitGroup
	// fell is how often a replica ended though nobody killed it.
	fell atomic.Int64
}

// Start starts the replicas, which are looked after until ctx ends; Wait waits for
// who does. If that fails, the caller still waits.
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

// Wait returns once nobody looks after the replicas any more.
func (f *Fleet) Wait() { f.supervisors.Wait() }

// Fell is how often a replica ended though nobody killed it.
func (f *Fleet) Fell() int { return int(f.fell.Load()) }

// Any returns one of the replicas, also one that is down, but seldom one that is
// shunned.
func (f *Fleet) Any() *Replica {
	i := rand.IntN(len(f.Replicas))                                               //nolint:gosec // no secret
	if time.Now().UnixNano() < f.Replicas[i].shunned.Load() && rand.IntN(8) > 0 { //nolint:gosec // no secret
		i = (i + 1) % len(f.Replicas)
	}
	return f.Replicas[i]
}

// Up waits until all replicas are.
func (f *Fleet) Up(ctx context.Context) error {
	for _, r := range f.Replicas {
		if err := r.Up(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Pending is a gauge of what is still to come, as any of the wagates says; 1 if none can
// say.
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

// Alive returns the process of a replica; nil while it is down.
func (r *Replica) Alive() *proc.Wagate {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.up {
		return nil
	}
	return r.wagate
}

// Up waits until the replica is, unless ctx ends first.
func (r *Replica) Up(ctx context.Context) error {
	for r.Alive() == nil {
		if err := poll.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// Kill has the supervisor end a replica as a crash would, and start it again
// after a while. It returns when the process is gone.
func (r *Replica) Kill(ctx context.Context, down time.Duration) bool {
	select {
	case r.kills <- down:
		return true
	case <-ctx.Done():
		return false
	}
}

// supervise keeps a replica alive, but for the time it has been killed for. A
// start is tried again and again: without Redis there is none.
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
