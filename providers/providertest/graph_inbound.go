package providertest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"
)

// GraphUser is a WhatsApp user. A user without a phone hides it behind a username.
type GraphUser struct {
	Phone  string // digits
	UserID string // BSUID
	Name   string
}

// GraphInbound is a message written by a user.
type GraphInbound struct {
	From   GraphUser
	Number string    // phone number id that it is written to; default the first number
	ID     string    // default invented
	At     time.Time // default now
	Type   string
	Object any    // value of the member named after the type
	Quoted string // id of the message that it replies to
	Extra  map[string]any
}

// GraphText returns a text message.
func GraphText(from GraphUser, body string) GraphInbound {
	return GraphInbound{From: from, Type: "text", Object: map[string]string{"body": body}}
}

// GraphImage returns an image message. The caption may be empty.
func GraphImage(from GraphUser, caption string) GraphInbound {
	image := map[string]string{"id": "990000000000101", "mime_type": "image/jpeg", "sha256": "aW52ZW50ZWQ="}
	if caption != "" {
		image["caption"] = caption
	}
	return GraphInbound{From: from, Type: "image", Object: image}
}

// GraphReaction returns a reaction to a message of the business. Without an emoji it is the removal
// of one.
func GraphReaction(from GraphUser, messageID, emoji string) GraphInbound {
	reaction := map[string]string{"message_id": messageID}
	if emoji != "" {
		reaction["emoji"] = emoji
	}
	return GraphInbound{From: from, Type: "reaction", Object: reaction}
}

// GraphButton returns a tap on a template's quick reply.
func GraphButton(from GraphUser, quoted, label string) GraphInbound {
	return GraphInbound{From: from, Type: "button", Quoted: quoted, Object: map[string]string{"payload": label, "text": label}}
}

// Inbound posts the messages in one webhook and returns their ids once it was answered 200.
// Messages that open a window also open the fake's.
func (g *Graph) Inbound(ctx context.Context, in ...GraphInbound) ([]string, error) {
	in, body, err := g.inbound(in)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(in))
	for i, m := range in {
		ids[i] = m.ID
	}
	return ids, g.Post(ctx, body)
}

// InboundBody returns the webhook that Inbound would post, for a caller that posts it itself:
// twice, late, or with a wrong signature.
func (g *Graph) InboundBody(in ...GraphInbound) ([]byte, error) {
	_, body, err := g.inbound(in)
	return body, err
}

// inbound completes the messages, opens their windows and builds the webhook.
func (g *Graph) inbound(in []GraphInbound) ([]GraphInbound, []byte, error) {
	in = slices.Clone(in)
	var changes []any
	for i := range in {
		m := &in[i]
		m.Number = cmp.Or(m.Number, g.p.Numbers[0].ID)
		m.ID = cmp.Or(m.ID, newWAMID())
		if m.At.IsZero() {
			m.At = g.now()
		}
		g.opened(*m)
	}
	for i := 0; i < len(in); {
		// Neighbouring messages to the same number share a change.
		j := i + 1
		for j < len(in) && in[j].Number == in[i].Number {
			j++
		}
		changes = append(changes, g.messagesChange(in[i:j]))
		i = j
	}
	body, err := MetaJSON(g.envelope(changes...))
	return in, body, err
}

// opened opens the window that a message opens. A message in a group opens none.
func (g *Graph) opened(m GraphInbound) {
	if m.Extra["group_id"] != nil {
		return
	}
	switch m.Type {
	case "reaction", "unsupported", "edit", "revoke", "system":
		return
	}
	until := m.At.Add(24 * time.Hour)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, key := range []string{m.From.Phone, m.From.UserID} {
		if key != "" && until.After(g.windows[key]) {
			g.windows[key] = until
		}
	}
}

func (g *Graph) messagesChange(in []GraphInbound) any {
	var contacts, messages []any
	seen := map[GraphUser]bool{}
	for _, m := range in {
		if !seen[m.From] {
			seen[m.From] = true
			contacts = append(contacts, contactEntry(m.From))
		}
		message := map[string]any{
			"id": m.ID, "timestamp": strconv.FormatInt(m.At.Unix(), 10), "type": m.Type,
		}
		if m.Object != nil {
			message[m.Type] = m.Object
		}
		if m.From.Phone != "" {
			message["from"] = m.From.Phone
		}
		if m.From.UserID != "" {
			message["from_user_id"] = m.From.UserID
		}
		if m.Quoted != "" {
			message["context"] = map[string]string{"from": g.display(m.Number), "id": m.Quoted}
		}
		maps.Copy(message, m.Extra)
		messages = append(messages, message)
	}
	return g.change("messages", in[0].Number, map[string]any{"contacts": contacts, "messages": messages})
}

func contactEntry(u GraphUser) any {
	entry := map[string]any{"profile": map[string]string{"name": u.Name}}
	if u.Phone != "" {
		entry["wa_id"] = u.Phone
	}
	if u.UserID != "" {
		entry["user_id"] = u.UserID
	}
	return entry
}

// change wraps a value as a change for a number.
func (g *Graph) change(field, number string, value map[string]any) any {
	value["messaging_product"] = "whatsapp"
	value["metadata"] = map[string]string{"display_phone_number": g.display(number), "phone_number_id": number}
	return map[string]any{"field": field, "value": value}
}

// envelope wraps changes as a webhook of the account.
func (g *Graph) envelope(changes ...any) any {
	return map[string]any{
		"object": "whatsapp_business_account",
		"entry":  []any{map[string]any{"id": g.p.WABA, "changes": changes}},
	}
}

func (g *Graph) display(number string) string {
	i := slices.IndexFunc(g.p.Numbers, func(n GraphNumber) bool { return n.ID == number })
	if i < 0 {
		return ""
	}
	return g.p.Numbers[i].Display
}
