package providertest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// GraphStatus is a receipt about a message.
type GraphStatus struct {
	ID    string // id of a message in Sends; for any other, To and Number are needed
	State string // sent, delivered, read, played, failed
	Code  int    // for failed

	To, Number, Opaque string // default: those of the message
}

// Status posts each receipt in a webhook of its own, in order, and returns once all were answered
// 200.
func (g *Graph) Status(ctx context.Context, statuses ...GraphStatus) error {
	for _, s := range statuses {
		body, err := g.StatusBody(s)
		if err != nil {
			return err
		}
		if err := g.Post(ctx, body); err != nil {
			return fmt.Errorf("report %s: %w", s.State, err)
		}
	}
	return nil
}

// StatusBody returns the webhook that Status would post.
func (g *Graph) StatusBody(s GraphStatus) ([]byte, error) {
	if s.To == "" {
		sent := g.find(s.ID)
		s.To = sent.To
		s.Number = cmp.Or(s.Number, sent.Number)
		s.Opaque = cmp.Or(s.Opaque, sent.Opaque)
	}
	s.Number = cmp.Or(s.Number, g.p.Numbers[0].ID)
	status := map[string]any{
		"id": s.ID, "status": s.State, "timestamp": strconv.FormatInt(g.now().Unix(), 10),
	}
	user := GraphUser{Phone: s.To}
	if strings.Contains(s.To, ".") {
		user = GraphUser{UserID: s.To}
		status["recipient_user_id"] = s.To
	} else {
		status["recipient_id"] = s.To
	}
	if s.Opaque != "" {
		status["biz_opaque_callback_data"] = s.Opaque
	}
	value := map[string]any{"statuses": []any{status}}
	if s.State == "failed" {
		status["errors"] = []any{map[string]any{
			"code": s.Code, "title": "Invented failure", "message": "Invented failure",
			"error_data": map[string]string{"details": "Invented failure."},
		}}
	} else {
		value["contacts"] = []any{contactEntry(user)}
	}
	return MetaJSON(g.envelope(g.change("messages", s.Number, value)))
}

// find returns an accepted message, the zero value if there is none.
func (g *Graph) find(id string) GraphSend {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.IndexFunc(g.sends, func(s GraphSend) bool { return s.ID == id })
	if i < 0 {
		return GraphSend{}
	}
	return g.sends[i]
}

// report posts the configured receipts about an accepted message in the background.
func (g *Graph) report(s GraphSend) {
	g.mu.Lock()
	silent := g.url == ""
	g.mu.Unlock()
	if silent || len(g.p.Statuses) == 0 {
		return
	}
	g.later(func(ctx context.Context) {
		for _, state := range g.p.Statuses {
			if g.pause(ctx, g.p.StatusDelay) != nil {
				return
			}
			// The answers are recorded in Webhooks.
			if g.Status(ctx, GraphStatus{ID: s.ID, State: state, To: s.To, Number: s.Number, Opaque: s.Opaque}) != nil {
				return
			}
		}
	})
}
