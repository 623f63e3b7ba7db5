package providertest

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// GupshupOptions describes the app that a fake Gupshup hosts, and how it behaves.
type GupshupOptions struct {
	AppID, AppName string
	Source         string // business number, digits
	APIKey         string // of the self-serve API
	PartnerToken   string // complete Authorization header of the partner API

	// CallbackURL is where events are posted, CallbackToken is sent as X-Callback-Token. Without a
	// URL there are no events.
	CallbackURL, CallbackToken string
	// Versions are the versions of the callbacks. With two, every event is posted twice. Default:
	// 2.
	Versions []int
	// Reports makes the fake report on every accepted message: enqueued, sent and delivered, or
	// failed.
	Reports bool

	Templates []GupshupTemplate
	// Now is the clock of windows and timestamps. Default time.Now.
	Now func() time.Time
	// Attempts is how often a callback that is not answered 2xx is posted in total, RetryEvery the
	// pause between attempts. Default: 3 times, 200 ms.
	Attempts   int
	RetryEvery time.Duration
	// Client posts the callbacks. Default: a client with a timeout of 10 s.
	Client *http.Client
}

// GupshupTemplate is one registered template.
type GupshupTemplate struct {
	ID, Name, Language, Category, Type, Status string
	Body                                       string
	Meta                                       string // containerMeta, a JSON text; may be empty
}

// Gupshup is a fake Gupshup on a free loopback port, with both API families and the callbacks. Like
// the real one it accepts a free-form message into a closed window with 202 and reports the failure
// later.
type Gupshup struct {
	fake[GupshupSend]
	opt  GupshupOptions
	wake chan struct{}

	// Guarded by the lock of fake.
	verdicts map[string]int
	answers  []GupshupAnswer
	queue    []gupshupPost
}

// NewGupshup starts a fake Gupshup. Stop it with Close.
func NewGupshup(opt GupshupOptions) (*Gupshup, error) {
	if len(opt.Versions) == 0 {
		opt.Versions = []int{2}
	}
	if opt.Attempts <= 0 {
		opt.Attempts = 3
	}
	if opt.RetryEvery <= 0 {
		opt.RetryEvery = 200 * time.Millisecond
	}
	g := &Gupshup{opt: opt, wake: make(chan struct{}, 1), verdicts: map[string]int{}}
	if err := g.start("gupshup", g.routes(), opt.Now, opt.Client, opt.CallbackURL); err != nil {
		return nil, err
	}
	g.done.Go(func() { g.postLoop(g.ctx) })
	return g, nil
}

// GupshupThrottled is the documented answer to too many calls.
func GupshupThrottled() Fault {
	return Fault{Status: http.StatusTooManyRequests, Body: gupshupError("Too Many Requests")}
}

// GupshupUnauthorised is the documented answer to a wrong key.
func GupshupUnauthorised() Fault {
	return Fault{Status: http.StatusUnauthorized, Body: gupshupError("Authentication Failed")}
}

// GupshupBadApp is the documented answer to a wrong app name or source.
func GupshupBadApp() Fault {
	return Fault{Status: http.StatusBadRequest, Body: gupshupError("Invalid App Details")}
}

// GupshupBadNumber is the documented answer to an impossible number.
func GupshupBadNumber() Fault {
	return Fault{Status: http.StatusBadRequest, Body: gupshupError("Invalid Destination")}
}

// gupshupError returns an error body of the self-serve API.
func gupshupError(message string) string { return `{"status":"error","message":"` + message + `"}` }

// FailFor makes every later message to this contact fail with code, reported by callback. Code 0
// ends that.
func (g *Gupshup) FailFor(to string, code int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.verdicts[to] = code; code == 0 {
		delete(g.verdicts, to)
	}
}

// GupshupSend is a message that the fake accepted, as recorded in its account.
type GupshupSend struct {
	ID       string // messageId, gs_id
	WAMID    string
	To       string // phone or BSUID
	Template bool
	Opaque   string // biz_opaque_callback_data, v3 only
	Message  string // JSON: message (v2), template (v2) or the whole body (v3)
	Code     int    // the code that it will fail with; 0 if it is delivered
	At       time.Time
}

// GupshupAnswer is the gateway's answer to one callback.
type GupshupAnswer struct {
	Status int // 0 if there was no answer
	Body   string
	Took   time.Duration
}

// Answers returns the gateway's answers so far.
func (g *Gupshup) Answers() []GupshupAnswer {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.answers)
}

// gupshupUUID returns a random id in the form of Gupshup's ids.
func gupshupUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
