package cloudapi

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Narrower cuts out of one body what is left of it for somebody whom only some of
// its items concern: the provider's own envelope around these, nothing of it
// shaped. A change is repeated for each of its items, as in Event.Value.
type Narrower struct {
	top   []byte // of the body, without its entries
	items []piece
	more  bool // there is more than the items
}

// piece is an item with what stands around it.
type piece struct {
	in    *enclosing
	self  []byte // of the change, without its value
	value json.RawMessage
}

// enclosing is an entry without its changes.
type enclosing struct{ beside []byte }

// NewNarrower reads a body as Decode does. Its items are numbered as the events
// that Decode gives for the same options.
func NewNarrower(body []byte, o Options) (*Narrower, error) {
	o.MetaShape = false
	n := &Narrower{}
	batch, err := split(body, o, n)
	if err != nil {
		return nil, err
	}
	n.more = n.more || batch.Skipped > 0
	return n, nil
}

// Items returns how many items there are.
func (n *Narrower) Items() int { return len(n.items) }

// Complete reports whether the items are all that the body says of anybody:
// none was skipped, there is no list of which nobody knows what it holds, and
// nothing stands there twice.
func (n *Narrower) Complete() bool { return !n.more }

// itemLists are the lists of a value that hold items, by field, and who the items
// are about. What holds none is an item itself.
var itemLists = map[string][]string{
	"messages":           {"contacts", "messages", "statuses", "errors"},
	"calls":              {"contacts", "calls", "statuses", "errors"},
	"smb_message_echoes": {"contacts", "message_echoes"},
	"history":            {"contacts", "history", "messages"},
	"user_preferences":   {"contacts", "user_preferences"},
}

// look notes whether an object has more than these lists.
func (n *Narrower) look(o value, lists ...string) {
	if n == nil {
		return // nobody asks
	}
	seen := map[string]bool{}
	for key, m := range o.members() {
		name := text(key.raw())
		n.more = n.more || seen[name] || m.opens('[') && !slices.Contains(lists, name)
		seen[name] = true
	}
}

// lookInto does that for what its items were taken from.
func (n *Narrower) lookInto(c *change) {
	if n == nil || itemLists[c.field] == nil {
		return
	}
	n.look(c.value, itemLists[c.field]...)
	entries := 0
	for range c.value.get("contacts").elements() {
		entries++
	}
	n.more = n.more || len(c.users) != entries || slices.ContainsFunc(c.users, func(u user) bool { return !u.used })
}

// Narrow returns the body with no other items than these, by number, ascending.
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
