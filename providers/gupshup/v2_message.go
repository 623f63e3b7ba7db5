package gupshup

import (
	"encoding/json"
	"maps"

	"wagate/providers"
)

// v2Message is the payload of an inbound message.
type v2Message struct {
	ID       text            `json:"id"`
	Source   text            `json:"source"`
	Type     text            `json:"type"`
	Payload  json.RawMessage `json:"payload"`
	Context  v2Context       `json:"context"`
	Referral json.RawMessage `json:"referral"`
	Sender   struct {
		Phone  text `json:"phone"`
		Name   text `json:"name"`
		UserID text `json:"userId"`
	} `json:"sender"`
}

// v2Context identifies the message that a reply or a tap refers to.
type v2Context struct {
	ID                  text `json:"id"`
	GSID                text `json:"gsId"`
	GSIDSnake           text `json:"gs_id"`
	Forwarded           text `json:"forwarded"`
	FrequentlyForwarded text `json:"frequently_forwarded"`
}

// sentID returns the id that our send call returned; empty if Gupshup does not tell it.
func (c v2Context) sentID() string { return first(c.GSID, c.GSIDSnake).String() }

// quoted returns the id of the referenced message, as its sender was given it if Gupshup tells
// that.
func (c v2Context) quoted() string { return first(c.sentID(), c.ID.String()) }

// value returns the context in Cloud API form, nil if it is empty.
func (c v2Context) value(business string) map[string]any {
	v := map[string]any{}
	put(v, "id", c.quoted())
	if c.sentID() != "" {
		put(v, "from", business)
	}
	if c.Forwarded.bool() {
		v["forwarded"] = true
	}
	if c.FrequentlyForwarded.bool() {
		v["frequently_forwarded"] = true
	}
	if len(v) == 0 {
		return nil
	}
	return v
}

// message translates an inbound message. It returns false if the message names no sender, because
// it then belongs to no conversation.
func (e v2Event) message() ([]providers.Event, bool) {
	var m v2Message
	if !read(e.Payload, &m) {
		return nil, false
	}
	c := contact(m.Sender.UserID, m.Source, m.Sender.Phone)
	if c.IsZero() {
		return nil, false
	}
	c.Name = m.Sender.Name.String()

	ev := e.event("")
	ev.Contact = c
	ev.Margin = v2Margin
	if !ev.At.IsZero() {
		ev.At = ev.At.Add(-v2Margin)
	}
	ev.MessageID = m.ID.String()
	ev.ID = first(ev.MessageID, e.hash())
	ev.Quoted = m.Context.quoted()

	content := v2Content(m.Type.String(), m.Payload)
	ev.Kind, ev.Text, ev.Payload = content.kind, content.words, content.payload
	if content.target != "" {
		ev.Quoted = content.target
	}

	msg := map[string]any{"type": content.metaType}
	put(msg, "id", ev.ID)
	put(msg, "from", c.Phone)
	put(msg, "from_user_id", c.UserID)
	put(msg, "timestamp", unix(ev.At))
	maps.Copy(msg, content.members)
	if ctx := m.Context.value(e.opt.DisplayPhone); ctx != nil {
		msg["context"] = ctx
	}
	if referral := firstObject(m.Referral, content.referral); referral != nil {
		msg["referral"] = referral
	}
	return e.relay(ev, c, "messages", "messages", msg), true
}
