package providertest

import (
	"cmp"
	"net/http"
	"slices"
	"time"
)

// GraphParams describes the app and account that a fake Graph hosts, and how it behaves.
type GraphParams struct {
	Token   string        // access token; if empty, any bearer token is accepted
	WABA    string        // default 300000000000001
	Numbers []GraphNumber // default one: 400000000000001, 15550100001

	// CallbackURL is where webhooks are posted, AppSecret signs them. Without a URL there are no
	// webhooks.
	CallbackURL, AppSecret string

	// Statuses are posted in this order about every accepted message; none by default. StatusDelay
	// precedes each.
	Statuses    []string
	StatusDelay time.Duration

	// Backoff returns how long to wait before a webhook that was not answered 200 is posted again,
	// and false to give up. attempt counts from 1. Default: 20 ms, doubling, eight repetitions.
	Backoff func(attempt int) (time.Duration, bool)

	// EnforceWindow refuses free-form messages to users whose window was not opened by Inbound or
	// SetWindow. Without it, the window of a user never mentioned counts as open.
	EnforceWindow bool

	Templates []GraphTemplate
	// Now is the clock of windows and timestamps. Default time.Now.
	Now func() time.Time
	// Client posts the webhooks. Default: a client with a timeout of 10 s.
	Client *http.Client
}

// GraphNumber is a WhatsApp number of the account.
type GraphNumber struct {
	ID      string // phone number id
	Display string // digits
}

// Graph is a fake Cloud API on a free loopback port. It is safe for concurrent use.
type Graph struct {
	fake[GraphSend]
	p     GraphParams
	slots chan struct{} // bounds concurrent webhooks

	// Guarded by the lock of fake.
	scripts  map[string][]Fault // by recipient
	hook     func(GraphSend) *Fault
	webhooks []GraphWebhook
}

// NewGraph starts a fake Graph. Stop it with Close.
func NewGraph(p GraphParams) (*Graph, error) {
	p.WABA = cmp.Or(p.WABA, "300000000000001")
	if len(p.Numbers) == 0 {
		p.Numbers = []GraphNumber{{ID: "400000000000001", Display: "15550100001"}}
	}
	if p.Backoff == nil {
		p.Backoff = func(attempt int) (time.Duration, bool) {
			return 10 * time.Millisecond << attempt, attempt <= 8
		}
	}
	p.Templates = slices.Clone(p.Templates)
	g := &Graph{p: p, slots: make(chan struct{}, 32), scripts: map[string][]Fault{}}
	if err := g.start("graph", http.HandlerFunc(g.serve), p.Now, p.Client, p.CallbackURL); err != nil {
		return nil, err
	}
	return g, nil
}

// GraphSend is a message sent to the fake. Sends returns those that the fake accepted.
type GraphSend struct {
	ID       string // wamid
	Number   string // phone number id that it was sent from
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
