package providertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// fake is the common part of all fakes: a server on a free loopback port that records the calls it
// gets and the messages it accepted (a Send each), plays faults and posts to a callback URL.
type fake[Send any] struct {
	name     string // for errors
	now      func() time.Time
	client   *http.Client // posts callbacks
	listener net.Listener
	server   *http.Server
	ctx      context.Context //nolint:containedctx // lives as long as the server; Close cancels it
	stop     context.CancelFunc
	done     sync.WaitGroup

	mu       sync.Mutex
	url      string // where callbacks go
	windows  map[string]time.Time
	script   []Fault
	requests []Request
	sends    []Send
	pending  int           // callbacks not yet finished
	changed  chan struct{} // closed and replaced by touch
}

// start starts serving. Default now is time.Now, default client one with a timeout of 10 s.
func (f *fake[Send]) start(name string, h http.Handler, now func() time.Time, client *http.Client, callbackURL string) error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start fake %s: %w", name, err)
	}
	if now == nil {
		now = time.Now
	}
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	f.name, f.now, f.client, f.listener, f.url = name, now, client, l, callbackURL
	f.windows, f.changed = map[string]time.Time{}, make(chan struct{})
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.server = &http.Server{
		Handler:           f.counted(h),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return f.ctx },
	}
	f.done.Go(func() {
		// Serve returns http.ErrServerClosed once Close is called, and never ends otherwise.
		_ = f.server.Serve(l)
	})
	return nil
}

// URL returns the base URL, without an API version or path.
func (f *fake[Send]) URL() string { return "http://" + f.listener.Addr().String() }

// Close stops the fake and waits for everything that it started. Pending callbacks are abandoned.
func (f *fake[Send]) Close() error {
	f.mu.Lock() // nothing starts from here on; see enter
	f.stop()
	f.mu.Unlock()
	err := f.server.Close()
	f.done.Wait()
	f.client.CloseIdleConnections()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop fake %s: %w", f.name, err)
	}
	return nil
}

// SetWindow opens the window for a phone or BSUID until t. A t in the past closes it.
func (f *fake[Send]) SetWindow(to string, t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.windows[to] = t
}

// enter registers work that Close must wait for; the work ends with f.done.Done. It returns false
// if the fake is closed. The lock must be held.
func (f *fake[Send]) enter() bool {
	if f.ctx.Err() != nil {
		return false
	}
	f.done.Add(1)
	return true
}

// counted makes Close wait for the calls that h handles.
func (f *fake[Send]) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		open := f.enter()
		f.mu.Unlock()
		if !open {
			panic(http.ErrAbortHandler)
		}
		defer f.done.Done()
		h.ServeHTTP(w, r)
	})
}
