package providertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// GupshupOptions is the app that a fake Gupshup hosts, and its manners.
type GupshupOptions struct {
	AppID, AppName string
	Source         string // business number, digits
	APIKey         string // api family
	PartnerToken   string // value of the Authorization header of the partner family

	// CallbackURL and CallbackToken say where events go; the token travels as
	// X-Callback-Token. No URL: no events.
	CallbackURL, CallbackToken string
	// Versions of the callbacks; two of them mean that every event is posted
	// twice. Default: 2.
	Versions []int
	// Reports makes the fake report on every accepted message by itself:
	// enqueued, sent and delivered, or failed.
	Reports bool

	Templates []GupshupTemplate
	// Now is the clock of windows and timestamps. Default: time.Now.
	Now func() time.Time
	// Attempts is how often a callback is posted that is not answered 2xx, and
	// RetryEvery the pause between two. Default: 3 times, 200 ms.
	Attempts   int
	RetryEvery time.Duration
	// Client posts the callbacks. Default: a client with a time-out of 10 s.
	Client *http.Client
}

// GupshupTemplate is one registered template.
type GupshupTemplate struct {
	ID, Name, Language, Category, Type, Status string
	Body                                       string
	Meta                                       string // containerMeta, a JSON text; may be empty
}

// Gupshup is a fake Gupshup on a free loopback port: both API families and the
// callbacks. Like the real one it takes a free-form message into a closed
// window with 202 and says later that it failed.
type Gupshup struct {
	opt      GupshupOptions
	listener net.Listener
	server   *http.Server
	wake     chan struct{}
	stop     context.CancelFunc
	done     sync.WaitGroup

	mu       sync.Mutex
	url      string // of the callbacks
	script   []GupshupFault
	verdicts map[string]int
	requests []GupshupRequest
	sends    []GupshupSend
	answers  []GupshupAnswer
	windows  map[string]time.Time
	queue    []gupshupPost
	pending  int           // queued or being posted
	idle     chan struct{} // closed when pending falls to 0
	taken    chan struct{} // closed and replaced when sends grows
	closed   <-chan struct{}
}

// NewGupshup starts a fake. Close stops it.
func NewGupshup(opt GupshupOptions) (*Gupshup, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if len(opt.Versions) == 0 {
		opt.Versions = []int{2}
	}
	if opt.Attempts <= 0 {
		opt.Attempts = 3
	}
	if opt.RetryEvery <= 0 {
		opt.RetryEvery = 200 * time.Millisecond
	}
	if opt.Client == nil {
		opt.Client = &http.Client{Timeout: 10 * time.Second}
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start fake gupshup: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	g := &Gupshup{
		opt: opt, listener: l, stop: stop, url: opt.CallbackURL,
		wake:     make(chan struct{}, 1),
		verdicts: map[string]int{}, windows: map[string]time.Time{},
		taken: make(chan struct{}), closed: ctx.Done(),
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
	g.done.Go(func() { g.postLoop(ctx) })
	return g, nil
}

// URL is the base URL of both API families.
func (g *Gupshup) URL() string { return "http://" + g.listener.Addr().String() }

// Close stops the fake and waits for what it started.
func (g *Gupshup) Close() error {
	g.stop()
	err := g.server.Close()
	g.done.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop fake gupshup: %w", err)
	}
	return nil
}

// SetCallbackURL says where events go from now on, for a gateway that is
// started after the fake.
func (g *Gupshup) SetCallbackURL(url string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.url = url
}

// GupshupFault is how the fake treats one call of its send endpoints.
type GupshupFault struct {
	// Status is answered with Body instead of an acceptance. 0 accepts.
	Status     int
	Body       string
	RetryAfter string // header
	// Hang keeps the caller waiting until it gives up; Reset cuts the
	// connection without an answer. With Accept the message is sent all the same,
	// which the caller cannot know.
	Hang, Reset, Accept bool
}

// GupshupThrottled is the documented answer to too many calls.
func GupshupThrottled() GupshupFault {
	return GupshupFault{Status: http.StatusTooManyRequests, Body: gupshupError("Too Many Requests")}
}

// GupshupUnauthorised is the documented answer to a wrong key.
func GupshupUnauthorised() GupshupFault {
	return GupshupFault{Status: http.StatusUnauthorized, Body: gupshupError("Authentication Failed")}
}

// GupshupBadApp is the documented answer to a wrong app name or source.
func GupshupBadApp() GupshupFault {
	return GupshupFault{Status: http.StatusBadRequest, Body: gupshupError("Invalid App Details")}
}

// GupshupBadNumber is the documented answer to a number that cannot be one.
func GupshupBadNumber() GupshupFault {
	return GupshupFault{Status: http.StatusBadRequest, Body: gupshupError("Invalid Destination")}
}

// gupshupError is an error body of the api family.
func gupshupError(message string) string { return `{"status":"error","message":"` + message + `"}` }

// Script queues faults for the next sends, one each; after them sends work again.
func (g *Gupshup) Script(faults ...GupshupFault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.script = append(g.script, faults...)
}

// FailFor makes every later message to this contact fail with code, reported
// by callback; 0 ends it.
func (g *Gupshup) FailFor(to string, code int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.verdicts[to] = code; code == 0 {
		delete(g.verdicts, to)
	}
}

// SetWindow opens the window to a contact until t; a past t closes it.
func (g *Gupshup) SetWindow(to string, t time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.windows[to] = t
}

// GupshupRequest is one call as it came in. It has the credentials it was made
// with: tests check them.
type GupshupRequest struct {
	Method, Path string
	Header       http.Header
	Body         []byte
	At           time.Time
}

// Requests returns all calls so far, in order.
func (g *Gupshup) Requests() []GupshupRequest {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]GupshupRequest(nil), g.requests...)
}

// GupshupSend is a message that the fake accepted: the account a drill keeps.
type GupshupSend struct {
	ID       string // messageId, gs_id
	WAMID    string
	To       string // phone or BSUID
	Template bool
	Opaque   string // biz_opaque_callback_data, v3 only
	Message  string // JSON: message (v2), template (v2) or the whole body (v3)
	Code     int    // the code it will fail with; 0 delivers
	At       time.Time
}

// Sends returns all accepted messages so far, in order.
func (g *Gupshup) Sends() []GupshupSend {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]GupshupSend(nil), g.sends...)
}

// WaitSends returns the accepted messages once there are at least n of them.
func (g *Gupshup) WaitSends(ctx context.Context, n int) ([]GupshupSend, error) {
	for {
		g.mu.Lock()
		sends, taken := append([]GupshupSend(nil), g.sends...), g.taken
		g.mu.Unlock()
		if len(sends) >= n {
			return sends, nil
		}
		select {
		case <-taken:
		case <-ctx.Done():
			return sends, fmt.Errorf("wait for fake gupshup: %w", context.Cause(ctx))
		case <-g.closed:
			return sends, errors.New("wait for fake gupshup: closed")
		}
	}
}

// GupshupAnswer is what the gateway said to one callback.
type GupshupAnswer struct {
	Status int // 0 if it did not answer
	Body   string
	Took   time.Duration
}

// Answers returns what the gateway answered so far.
func (g *Gupshup) Answers() []GupshupAnswer {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]GupshupAnswer(nil), g.answers...)
}

// gupshupUUID returns a random id in the form Gupshup's have.
func gupshupUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
