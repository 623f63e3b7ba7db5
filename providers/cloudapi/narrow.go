package cloudapi

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Narrower reduces one body to some of its items, for a receiver that only these concern. The
// result keeps the provider's own envelope, and nothing in it is reshaped. A change is repeated for
// each of its items, as in Event.Value.
type Narrower struct {
	top   []byte // members of the body except entry
	items []piece
	extra bool // the body holds something beside the items
}

// piece is an item with what surrounds it.
type piece struct {
	in    *enclosing
	self  []byte // members of the change except value
	value json.RawMessage
}

// enclosing is an entry without its changes.
type enclosing struct{ beside []byte }

// NewNarrower reads a body as Decode does. Its items have the same numbers as the events that
// Decode returns for the same options.
func NewNarrower(body []byte, o Options) (*Narrower, error) {
	o.MetaShape = false
	n := &Narrower{}
	batch, err := split(body, o, n)
	if err != nil {
		return nil, err
	}
	n.extra = n.extra || batch.Skipped > 0
	return n, nil
}

// Items returns the number of items.
func (n *Narrower) Items() int { return len(n.items) }

// Complete reports whether the items are all that the body says: no item was skipped, no list has
// unknown content, no contacts entry is without an item, and no member occurs twice.
func (n *Narrower) Complete() bool { return !n.extra }

// itemLists names, by field, the lists of a value that hold items or the users of items. A value of
// any other field is an item itself.
var itemLists = map[string][]string{
	"messages":           {"contacts", "messages", "statuses", "errors"},
	"calls":              {"contacts", "calls", "statuses", "errors"},
	"smb_message_echoes": {"contacts", "message_echoes"},
	"history":            {"contacts", "history", "messages"},
	"user_preferences":   {"contacts", "user_preferences"},
}

// noteExtra records whether an object has lists other than these, or a member twice.
func (n *Narrower) noteExtra(o value, lists ...string) {
	if n == nil {
		return // not narrowing
	}
	seen := map[string]bool{}
	for key, m := range o.members() {
		name := text(key.raw())
		n.extra = n.extra || seen[name] || m.opens('[') && !slices.Contains(lists, name)
		seen[name] = true
	}
}

// noteExtraIn does the same for the value that a change's items were taken from, and for its
// contacts.
func (n *Narrower) noteExtraIn(c *change) {
	if n == nil || itemLists[c.field] == nil {
		return
	}
	n.noteExtra(c.value, itemLists[c.field]...)
	entries := 0
	for range c.value.get("contacts").elements() {
		entries++
	}
	n.extra = n.extra || len(c.users) != entries || slices.ContainsFunc(c.users, func(u user) bool { return !u.used })
}

// Narrow returns the body reduced to the items with these numbers, which must be ascending.
func (n *Narrower) Narrow(items []int) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	b.Write(n.top)
	b.WriteString(`"entry":[`)
	var in *enclosing
	for _, i := range items {
		it := n.items[i]
		switch {
		case in == nil:
			it.in.begin(&b)
		case it.in != in:
			b.WriteString(`]},`)
			it.in.begin(&b)
		default:
			b.WriteByte(',')
		}
		in = it.in
		b.WriteByte('{')
		b.Write(it.self)
		b.WriteString(`"value":`)
		b.Write(it.value)
		b.WriteByte('}')
	}
	if in != nil {
		b.WriteString(`]}`)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

func (e *enclosing) begin(b *bytes.Buffer) {
	b.WriteByte('{')
	b.Write(e.beside)
	b.WriteString(`"changes":[`)
}
