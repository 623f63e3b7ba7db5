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

// graph is the send API of both providers. It gives a message the id that its text asks
// for, so that the plan knows what statuses will be about.
type graph struct {
	*loopback.Server

	sends, gupshupSends atomic.Int64

	mu     sync.Mutex
	opaque map[string]string // what statuses carry back, by message id
}

func startGraph() (*graph, error) {
	g := &graph{opaque: map[string]string{}}
	var err error
	g.Server, err = loopback.Listen("graph", g.serve)
	return g, err
}

// outbound is a message on its way to a lead.
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

// gupshup is its self-serve API. What it is sent carries nothing back.
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

// carried returns what the statuses of a message carry back; empty if it was
// never sent.
func (g *graph) carried(id string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opaque[id]
}

// repliesByGupshup replies to a lead at Gupshup, and reports whether anything was sent there.
func (p *provider) repliesByGupshup(ctx context.Context, tenants []*tenant) bool {
	for _, t := range tenants {
		if t.app == nil && t.replies() {
			p.reply(ctx, event{lead: t.leads[0], id: "wamid.CALM"})
		}
	}
	return p.graph.gupshupSends.Load() > 0
}

// reply has the assistant send the message that a status will be about, through
// any of the wagates. Should that fail, as it may while they are killed, the status
// is about a message that wagate knows nothing of, or nothing for sure.
func (p *provider) reply(ctx context.Context, e event) {
	t := e.lead.tenant
	m := outbound{Product: "whatsapp", To: "+" + e.lead.phone, Type: "text"}
	m.Text.Body = e.id
	body, err := json.Marshal(m)
	if err != nil {
		return
	}
	// The statuses tell how it went.
	_, _ = p.client.Ask(ctx, p.fleet.Any(), fleet.Request{
		Method: http.MethodPost, Path: "/v26.0/" + t.from() + "/messages", Body: body,
		Header: http.Header{"Authorization": {"Bearer " + t.name + "-api-key"}},
	})
}
