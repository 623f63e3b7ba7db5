package providertest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// Request is one call as it was received. It includes the credentials, because tests check them.
type Request struct {
	Method, Path string // path with its query
	Header       http.Header
	Body         []byte
	At           time.Time
}

// Requests returns all calls so far, in order.
func (f *fake[Send]) Requests() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// Sends returns all accepted messages so far, in order. This is the account that a drill compares
// with wagate's records.
func (f *fake[Send]) Sends() []Send {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.sends)
}

// WaitSends waits until at least n messages were accepted, and returns all of them.
func (f *fake[Send]) WaitSends(ctx context.Context, n int) ([]Send, error) {
	err := f.wait(ctx, func() bool { return len(f.sends) >= n })
	return f.Sends(), err
}

// WaitIdle waits until no callback is pending.
func (f *fake[Send]) WaitIdle(ctx context.Context) error {
	return f.wait(ctx, func() bool { return f.pending == 0 })
}

// take records a call and returns its body.
func (f *fake[Send]) take(r *http.Request) []byte {
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		panic(http.ErrAbortHandler) // the caller is gone
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, Request{
		Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: body, At: f.now(),
	})
	f.touch()
	return body
}

// wait waits until holds returns true. It calls holds with the lock held.
func (f *fake[Send]) wait(ctx context.Context, holds func() bool) error {
	for {
		f.mu.Lock()
		ok, changed := holds(), f.changed
		f.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for fake %s: %w", f.name, context.Cause(ctx))
		case <-f.ctx.Done():
			return fmt.Errorf("wait for fake %s: closed", f.name)
		}
	}
}

// touch wakes all callers of wait. The lock must be held.
func (f *fake[Send]) touch() {
	close(f.changed)
	f.changed = make(chan struct{})
}
