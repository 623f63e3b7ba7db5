package providertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// GraphParams is the app and the account that a fake Graph hosts, and its manners.
type GraphParams struct {
	Token   string        // access token; empty accepts any bearer
	WABA    string        // default 300000000000001
	Numbers []GraphNumber // default one: 400000000000001, 15550100001

	// CallbackURL and AppSecret say where webhooks go and what signs them. No
	// URL: no webhooks.
	CallbackURL, AppSecret string

	// Statuses are posted, in this order, about every accepted message by
	// itself; none: never. StatusDelay goes before each.
	Statuses    []string
	StatusDelay time.Duration

	// Backoff says how long to wait before a webhook that was not answered 200
	// is posted again, and false to give up. attempt counts from 1. Default:
	// 20 ms doubling, given up after the eighth.
	Backoff func(attempt int) (time.Duration, bool)

	// EnforceWindow refuses free-form messages to users whose window nobody
	// opened, by Inbound or SetWindow. Without it a user whose window was never
	// spoken of has an open one.
	EnforceWindow bool

	Templates []GraphTemplate
	// Now is the clock of windows and timestamps. Default: time.Now.
	Now func() time.Time
	// Client posts the webhooks. Default: a client with a time-out of 10 s.
	Client *http.Client
}

// GraphNumber is a WhatsApp number of the account.
type GraphNumber struct {
	ID      string // phone number id
	Display string // digits
}

// Graph is a fake Cloud API on a free loopback port. All its methods may be
// called concurrently.
type Graph struct {
	p        GraphParams
	listener net.Listener
	server   *http.Server
	ctx      context.Context //nolint:containedctx // the life of the server, ended by Close
	stop     context.CancelFunc
	done     sync.WaitGroup
	slots    chan struct{} // bounds concurrent webhooks

	mu        sync.Mutex
	url       string
	templates []GraphTemplate
	script    []GraphFault
	scripts   map[string][]GraphFault // by recipient
	hook      func(GraphSend) *GraphFault
	windows   map[string]time.Time // by phone or BSUID: open until
	requests  []GraphRequest
	sends     []GraphSend
	webhooks  []GraphWebhook
	pending   int           // webhooks on their way
	changed   chan struct{} // closed and replaced whenever one of the above grows
}

// NewGraph starts a fake. Close stops it.
func NewGraph(p GraphParams) (*Graph, error) {
	p.WABA = cmp.Or(p.WABA, "300000000000001")
	if len(p.Numbers) == 0 {
		p.Numbers = []GraphNumber{{ID: "400000000000001", Display: "15550100001"}}
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Backoff == nil {
		p.Backoff = func(attempt int) (time.Duration, bool) {
			return 10 * time.Millisecond << attempt, attempt <= 8
		}
	}
	if p.Client == nil {
		p.Client = &http.Client{Timeout: 10 * time.Second}
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start fake graph: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	g := &Graph{
		p: p, listener: l, ctx: ctx, stop: stop, url: p.CallbackURL,
		slots:     make(chan struct{}, 32),
		templates: slices.Clone(p.Templates),
		scripts:   map[string][]GraphFault{},
		windows:   map[string]time.Time{},
		changed:   make(chan struct{}),
	}
	g.server = &http.Server{
		Handler:           g.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	g.done.Go(func() {
		// Ends with http.ErrServerClosed when Close is called, the only end there is.
		_ = g.server.Serve(l)
	})
	return g, nil
}

// URL is the base URL, without a version.
func (g *Graph) URL() string { return "http://" + g.listener.Addr().String() }

// Close stops the fake and waits for what it started. Webhooks on their way are
// given up.
func (g *Graph) Close() error {
	g.mu.Lock() // nothing is started from here on, see enter
	g.stop()
	g.mu.Unlock()
	err := g.server.Close()
	g.done.Wait()
	g.p.Client.CloseIdleConnections()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop fake graph: %w", err)
	}
	return nil
}

// SetCallbackURL says where webhooks go from now on, for a gateway that is
// started after the fake.
func (g *Graph) SetCallbackURL(url string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.url = url
}

// SetWindow opens the window to a phone or BSUID until t; a past t closes it.
func (g *Graph) SetWindow(to string, t time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.windows[to] = t
}

// GraphRequest is one call as it came in. It has the credentials it was made
// with: tests check them.
type GraphRequest struct {
	Method, Path string
	Header       http.Header
	Body         []byte
	At           time.Time
}

// GraphSend is a message: in Sends, one that the fake accepted.
type GraphSend struct {
	ID       string // wamid
	Number   string // phone number id it was sent from
	To       string // digits, or the BSUID
	Type     string
	Text     string   // body of a text
	Template string   // name
	Language string   // of the template
	Params   []string // of the template's body
	Opaque   string   // biz_opaque_callback_data
	Body     []byte   // as it came
	At       time.Time
}

// Requests returns all calls so far, in order.
func (g *Graph) Requests() []GraphRequest {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.requests)
}

// Sends returns all accepted messages so far, in order: the account a drill
// holds against wagate's.
func (g *Graph) Sends() []GraphSend {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.sends)
}

// WaitSends returns the accepted messages once there are at least n of them.
func (g *Graph) WaitSends(ctx context.Context, n int) ([]GraphSend, error) {
	err := g.wait(ctx, func() bool { return len(g.sends) >= n })
	return g.Sends(), err
}

// WaitIdle returns when no webhook is on its way.
func (g *Graph) WaitIdle(ctx context.Context) error {
	return g.wait(ctx, func() bool { return g.pending == 0 })
}

// enter counts a piece of work that Close is to wait for, which calls
// g.done.Done; false if the fake is closed. The lock must be held.
func (g *Graph) enter() bool {
	if g.ctx.Err() != nil {
		return false
	}
	g.done.Add(1)
	return true
}

// wait returns when the condition, asked under the lock, holds.
func (g *Graph) wait(ctx context.Context, holds func() bool) error {
	for {
		g.mu.Lock()
		ok, changed := holds(), g.changed
		g.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for fake graph: %w", context.Cause(ctx))
		case <-g.ctx.Done():
			return errors.New("wait for fake graph: closed")
		}
	}
}

// touch wakes those who wait. The lock must be held.
func (g *Graph) touch() {
	close(g.changed)
	g.changed = make(chan struct{})
}
