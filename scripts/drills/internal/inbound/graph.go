package inbound

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"wagate/scripts/drills/internal/fleet"
	"wagate/scripts/drills/internal/loopback"
)

// graph simulates the send API of both providers. It gives a message the id that its text asks for,
// so that the plan knows which message a status will be about.
type graph struct {
	*loopback.Server

	sends, gupshupSends atomic.Int64

	mu     sync.Mutex
	opaque map[string]string // opaque data for the statuses, by message id
}

func startGraph() (*graph, error) {
	g := &graph{opaque: map[string]string{}}
	var err error
	g.Server, err = loopback.Listen("graph", g.serve)
	return g, err
}

// outbound is the body of a send call.
type outbound struct {
	Product string `json:"messaging_product"`
	To      string `json:"to"`
	Type    string `json:"type"`
	Text    struct {
		Body string `json:"body"`
	} `json:"text"`
	Opaque string `json:"biz_opaque_callback_data,omitempty"`
}

func (g *graph) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/wa/api/v1/msg" {
		g.gupshup(w, r)
		return
	}
	var m outbound
	if !strings.HasSuffix(r.URL.Path, "/messages") || json.NewDecoder(r.Body).Decode(&m) != nil || m.Text.Body == "" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	g.mu.Lock()
	g.opaque[m.Text.Body] = m.Opaque
	g.mu.Unlock()
	g.sends.Add(1)
	fmt.Fprintf(w, `{"messaging_product":"whatsapp","contacts":[{"input":%q,"wa_id":%q}],"messages":[{"id":%q}]}`,
		m.To, strings.TrimPrefix(m.To, "+"), m.Text.Body)
}

// gupshup serves Gupshup's self-serve API, which takes no opaque data.
func (g *graph) gupshup(w http.ResponseWriter, r *http.Request) {
	var m struct {
		Text string `json:"text"`
	}
	if json.Unmarshal([]byte(r.FormValue("message")), &m) != nil || m.Text == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	g.gupshupSends.Add(1)
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"status":"submitted","messageId":%q}`, m.Text)
}

// carried returns the opaque data for a message's statuses, or "" if the message was never sent.
func (g *graph) carried(id string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opaque[id]
}

// repliesByGupshup sends a reply to a lead at Gupshup and reports whether the provider got it.
func (p *provider) repliesByGupshup(ctx context.Context, tenants []*tenant) bool {
	for _, t := range tenants {
		if t.app == nil && t.replies() {
			p.reply(ctx, event{lead: t.leads[0], id: "wamid.CALM"})
		}
	}
	return p.graph.gupshupSends.Load() > 0
}

// reply makes the assistant send the message that a status will be about, through a random wagate.
// If that fails, as it may while wagates are killed, wagate does not know that message, or not for
// sure.
func (p *provider) reply(ctx context.Context, e event) {
	t := e.lead.tenant
	m := outbound{Product: "whatsapp", To: "+" + e.lead.phone, Type: "text"}
	m.Text.Body = e.id
	body, err := json.Marshal(m)
	if err != nil {
		return
	}
	// The answer does not matter: the statuses show how it went.
	_, _ = p.client.Ask(ctx, p.fleet.Any(), fleet.Request{
		Method: http.MethodPost, Path: "/v26.0/" + t.from() + "/messages", Body: body,
		Header: http.Header{"Authorization": {"Bearer " + t.name + "-api-key"}},
	})
}
