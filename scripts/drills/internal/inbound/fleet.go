package inbound

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"wagate/scripts/internal/proc"
)

// replica is one of the wagates that share the work. It is started again when it
// ends, as a supervisor would, on other ports.
type replica struct {
	public, admin atomic.Value // addresses; the old ones while it is down
	// wrote is told of each webhook that has just been written to it, if
	// somebody listens.
	wrote   chan struct{}
	shunned atomic.Int64 // until when, in Unix nanoseconds
	frozen  atomic.Bool
	// kills tells the supervisor how long to leave it down.
	kills chan time.Duration

	mu     sync.Mutex
	wagate *proc.Wagate
	up     bool
}

// fleet is all replicas and how they are started.
type fleet struct {
	group    *proc.Group
	binary   string
	file     string
	replicas []*replica
	printf   func(string, ...any)

	supervisors sync.WaitGroup
	// fell is how often a replica ended though nobody killed it.
	fell atomic.Int64
}

// newFleet starts n replicas, which are looked after until ctx ends.
func newFleet(ctx context.Context, f *fleet, n int) (*fleet, error) {
	for range n {
		r := &replica{wrote: make(chan struct{}), kills: make(chan time.Duration)}
		f.replicas = append(f.replicas, r)
		if err := f.start(ctx, r); err != nil {
			return nil, err
		}
		f.supervisors.Go(func() { f.supervise(ctx, r) })
	}
	return f, nil
}

func (f *fleet) start(ctx context.Context, r *replica) error {
	w, err := f.group.StartWagate(ctx, f.binary, f.file)
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

// alive returns the process of a replica; nil while it is down.
func (r *replica) alive() *proc.Wagate {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.up {
		return nil
	}
	return r.wagate
}

// kill has the supervisor end a replica as a crash would, and start it again
// after a while. It returns when the process is gone.
func (r *replica) kill(ctx context.Context, down time.Duration) bool {
	select {
	case r.kills <- down:
		return true
	case <-ctx.Done():
		return false
	}
}

// supervise keeps a replica alive, but for the time it has been killed for. A
// start is tried again and again: without Redis there is none.
func (f *fleet) supervise(ctx context.Context, r *replica) {
	for {
		w := r.alive()
		var down time.Duration
		select {
		case down = <-r.kills:
			w.Kill()
		case <-w.Ended():
			if ctx.Err() != nil {
				return
			}
			f.fell.Add(1)
			f.printf("wagate ended by itself: %s\n", w.Said())
		case <-ctx.Done():
			return
		}
		r.mu.Lock()
		r.up = false
		r.mu.Unlock()
		for {
			if sleep(ctx, down) != nil {
				return
			}
			if f.start(ctx, r) == nil {
				break
			}
			down = 100 * time.Millisecond
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
