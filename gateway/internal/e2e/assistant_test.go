package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"wagate/providers/providertest"
)

// assistant is a tenant's bot. It checks both signatures of each request and records the request.
type assistant struct {
	t      *testing.T
	secret string
	addr   string
	server *httptest.Server

	mu      sync.Mutex
	behave  func(delivery) reply
	tries   []delivery
	taken   []delivery        // the accepted ones, each once, in order
	written map[string][]byte // body by webhook-id
}

// delivery is one try of a delivery.
type delivery struct {
	ID     string
	Events []event
	Body   []byte
}

// event is one event that the assistant was sent.
type event struct {
	Field   string
	Value   json.RawMessage
	Message string // the id of a lead's message
	Text    string
	From    string // the lead's phone or BSUID
	Status  string // the state of a message of ours
	About   string // the id of that message
	Follow  happening
}

// happening is the value of a followup event.
type happening struct {
	Event     string `json:"event"`
	RunID     string `json:"run_id"`
	LeadID    string `json:"lead_id"`
	Step      int    `json:"step"`
	Outcome   string `json:"outcome"`
	Reason    string `json:"reason"`
	Text      string `json:"text"`
	MessageID string `json:"message_id"`
}

// reply is how an assistant answers a try.
type reply struct {
	status int // default 200
	reset  bool
	echo   bool            // after the 200 also send the request's body, which nobody asked for
	hold   <-chan struct{} // wait until it is closed or the caller gives up
}

// newAssistant starts an assistant that accepts everything.
func newAssistant(t *testing.T, secret string) *assistant {
	t.Helper()
	a := &assistant{t: t, secret: secret, written: map[string][]byte{}}
	a.open()
	t.Cleanup(a.shut)
	return a
}

// open starts the server, at its previous address if it had one.
func (a *assistant) open() {
	a.t.Helper()
	a.server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	if a.addr != "" {
		var l net.Listener
		until(a.t, func() (err error) {
			l, err = net.Listen("tcp", a.addr)
			return err
		})
		_ = a.server.Listener.Close()
		a.server.Listener = l
	}
	a.server.Start()
	a.addr = a.server.Listener.Addr().String()
}

// shut makes the assistant unreachable.
func (a *assistant) shut() {
	if a.server != nil {
		a.server.CloseClientConnections()
		a.server.Close()
		a.server = nil
	}
}

// url returns the address for the operator's file.
func (a *assistant) url() string { return "http://" + a.addr + "/bot" }

// on sets how tries are answered from now on. nil accepts everything.
func (a *assistant) on(behave func(delivery) reply) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.behave = behave
}

// serve checks, records and answers one try.
func (a *assistant) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller gave up
	}
	hook, err := standardwebhooks.NewWebhookRaw([]byte(a.secret))
	if err != nil {
		a.t.Errorf("use the assistant's secret: %v", err)
		return
	}
	if err := hook.Verify(body, r.Header); err != nil {
		a.t.Errorf("standard webhooks signature: %v", err)
	}
	if got, want := r.Header.Get("X-Hub-Signature-256"), providertest.Sign(a.secret, body); got != want {
		a.t.Errorf("X-Hub-Signature-256: got %q, want %q", got, want)
	}
	d := delivery{ID: r.Header.Get("Webhook-Id"), Events: readEvents(a.t, body), Body: body}
	a.mu.Lock()
	if before, ok := a.written[d.ID]; ok && !bytes.Equal(before, body) {
		a.t.Errorf("delivery %s: got another body at a retry:\n%s\n%s", d.ID, before, body)
	}
	a.written[d.ID] = body
	a.tries = append(a.tries, d)
	behave := a.behave
	a.mu.Unlock()

	answer := reply{}
	if behave != nil {
		answer = behave(d)
	}
	if answer.hold != nil {
		select {
		case <-answer.hold:
		case <-r.Context().Done():
			return
		}
	}
	if answer.reset {
		panic(http.ErrAbortHandler)
	}
	if answer.status == 0 {
		a.mu.Lock()
		if !slices.ContainsFunc(a.taken, func(have delivery) bool { return have.ID == d.ID }) {
			a.taken = append(a.taken, d)
		}
		a.mu.Unlock()
		answer.status = http.StatusOK
	}
	if answer.echo {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			a.t.Errorf("hijack: %v", err)
			return
		}
		_, _ = c.Write(append([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), body...))
		_ = c.Close()
		return
	}
	w.WriteHeader(answer.status)
}

// readEvents returns the events in a request's body, which must be a webhook in Meta's shape and
// ASCII.
func readEvents(t *testing.T, body []byte) []event {
	var envelope struct {
		Object string
		Entry  []struct {
			Changes []struct {
				Field string
				Value json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(body, &envelope); err != nil || envelope.Object != "whatsapp_business_account" {
		t.Errorf("relayed body is not a webhook in Meta's shape: %v: %s", err, body)
	}
	if slices.ContainsFunc(body, func(b byte) bool { return b > 0x7e }) {
		t.Errorf("relayed body is not ASCII: %s", body)
	}
	var out []event
	for _, entry := range envelope.Entry {
		for _, c := range entry.Changes {
			e := event{Field: c.Field, Value: c.Value}
			var v struct {
				Messages []struct {
					ID, From   string
					FromUserID string `json:"from_user_id"`
					Text       struct{ Body string }
				}
				Statuses []struct{ ID, Status string }
			}
			// What a lead sent may have any shape. The members that fit are read all the same.
			if err := json.Unmarshal(c.Value, &v); err != nil && !json.Valid(c.Value) {
				t.Errorf("relayed value: %v: %s", err, c.Value)
			}
			for _, m := range v.Messages {
				e.Message, e.Text, e.From = m.ID, m.Text.Body, m.From
				if e.From == "" {
					e.From = m.FromUserID
				}
			}
			for _, s := range v.Statuses {
				e.About, e.Status = s.ID, s.Status
			}
			if c.Field == "followup" {
				if err := json.Unmarshal(c.Value, &e.Follow); err != nil {
					t.Errorf("followup event: %v: %s", err, c.Value)
				}
			}
			out = append(out, e)
		}
	}
	return out
}

// events returns the events accepted so far, in order.
func (a *assistant) events() []event {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []event
	for _, d := range a.taken {
		out = append(out, d.Events...)
	}
	return out
}

// attempts returns all tries so far.
func (a *assistant) attempts() []delivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.tries)
}

// texts returns the texts of a lead, in the order in which the assistant accepted them.
func (a *assistant) texts(from string) []string {
	var out []string
	for _, e := range a.events() {
		if e.Message != "" && e.From == from {
			out = append(out, e.Text)
		}
	}
	return out
}

// happenings returns what the assistant was told of a lead's follow-up.
func (a *assistant) happenings(lead string) []happening {
	var out []happening
	for _, e := range a.events() {
		if e.Field == "followup" && e.Follow.LeadID == lead {
			out = append(out, e.Follow)
		}
	}
	return out
}
