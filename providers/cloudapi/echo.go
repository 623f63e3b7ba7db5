package cloudapi

import (
	"bytes"
	"encoding/json"
	"strings"

	"wagate/providers"
)

// echoes decodes messages that the business wrote from its own app.
func (d *decoder) echoes(c *change) {
	for o := range d.items(c.value.get("message_echoes")) {
		if o.id("id") == "" {
			d.skip()
			continue
		}
		who, entry := c.contact(providers.Contact{Phone: digits(o.id("to")), UserID: o.text("to_user_id")})
		d.add(c, providers.Event{
			Kind:      providers.KindEcho,
			ID:        o.id("id"),
			Contact:   who,
			At:        providers.Instant(o.id("timestamp")),
			MessageID: o.id("id"),
			Text:      words(o),
			Quoted:    d.quoted(o),
			Group:     o.id("group_id"),
			Value:     c.narrow("message_echoes", o.raw(), entry),
		})
	}
}

// history decodes the import of older messages, and the media of that import, which arrive in
// bodies of their own.
func (d *decoder) history(c *change) {
	for chunk := range d.items(c.value.get("history")) {
		if !chunk.opens('{') {
			d.skip()
			continue
		}
		if !chunk.get("threads").exists() { // the business declined to share its history
			d.add(c, providers.Event{
				Kind: providers.KindHistory, ID: derivedID(c, chunk.raw()), Value: c.narrow("history", chunk.raw(), nil),
			})
			continue
		}
		d.narrower.noteExtra(chunk, "threads")
		meta := chunk.get("metadata").raw()
		if len(meta) > maxRepeated {
			meta = nil
		}
		for thread := range chunk.get("threads").elements() {
			if !thread.opens('{') {
				d.skip()
				continue
			}
			d.narrower.noteExtra(thread, "messages")
			id := thread.get("id").raw() // read once per thread, not per message
			if len(id) > MaxIdentity {
				id = nil // no user id is that long
			}
			of := scalar(id)
			for m := range d.items(thread.get("messages")) {
				d.historyMessage(c, "history", m, of, func(m json.RawMessage) json.RawMessage {
					if !d.budget.take(len(meta)) {
						return inThread(nil, id, m)
					}
					return inThread(meta, id, m)
				})
			}
		}
	}
	for m := range d.items(c.value.get("messages")) {
		d.historyMessage(c, "messages", m, "", func(m json.RawMessage) json.RawMessage { return m })
	}
}

// historyMessage adds one message of the history. The id of the thread is the phone or user id of
// the user.
func (d *decoder) historyMessage(c *change, list string, o value, thread string, wrap func(json.RawMessage) json.RawMessage) {
	if o.id("id") == "" {
		d.skip()
		return
	}
	who := userOf(c, o, thread)
	who, entry := c.contact(who)
	d.add(c, providers.Event{
		Kind:      providers.KindHistory,
		ID:        "history:" + o.id("id"),
		Contact:   who,
		At:        providers.Instant(o.id("timestamp")),
		MessageID: o.id("id"),
		Text:      words(o),
		Quoted:    d.quoted(o),
		Value:     c.narrow(list, wrap(o.raw()), entry),
	})
}

// userOf returns the side of an old message that is the user.
func userOf(c *change, o value, thread string) providers.Contact {
	if strings.Contains(thread, ".") {
		return providers.Contact{UserID: thread}
	}
	from := providers.Contact{Phone: digits(o.id("from")), UserID: o.text("from_user_id")}
	to := providers.Contact{Phone: digits(o.id("to")), UserID: o.text("to_user_id")}
	who := from
	if !to.IsZero() && (from.UserID == "" && from.Phone == c.display || thread != "" && to.Phone == digits(thread)) {
		who = to
	}
	if who.Phone == c.display && c.display != "" {
		who.Phone = ""
	}
	if phone := digits(thread); who.Phone == "" && strings.Trim(phone, "0123456789") == "" {
		who.Phone = phone
	}
	return who
}

// inThread wraps one message in the history item that it was part of.
func inThread(meta, thread, message json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	b.Grow(len(meta) + len(thread) + len(message) + 64)
	b.WriteByte('{')
	if meta != nil {
		b.WriteString(`"metadata":`)
		b.Write(meta)
		b.WriteByte(',')
	}
	b.WriteString(`"threads":[{`)
	if thread != nil {
		b.WriteString(`"id":`)
		b.Write(thread)
		b.WriteByte(',')
	}
	b.WriteString(`"messages":[`)
	b.Write(message)
	b.WriteString(`]}]}`)
	return b.Bytes()
}
