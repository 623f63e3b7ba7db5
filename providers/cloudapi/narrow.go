package cloudapi

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Narrower cuts out of one body what is left of it for somebody whom only some of
// its items concern: the provider's own envelope around these, nothing of it
// shaped. A change is repeated for each of its items, as in Event.Value. It keeps
// the body.
type Narrower struct {
	top   object // of the body, without its entries
	items []piece
}

// piece is an item with what stands around it.
type piece struct {
	in    *enclosing
	self  object // of the change, without its value
	value json.RawMessage
}

// enclosing is an entry without its changes.
type enclosing struct{ members object }

// NewNarrower reads a body as Decode does. Its items are numbered as the events
// that Decode gives for the same options.
func NewNarrower(body []byte, o Options) (*Narrower, error) {
	o.MetaShape = false
	n := &Narrower{}
	if _, err := split(body, o, n); err != nil {
		return nil, err
	}
	return n, nil
}

// Items returns how many items there are.
func (n *Narrower) Items() int { return len(n.items) }

// Narrow returns the body with no other items than these, by number, ascending.
func (n *Narrower) Narrow(items []int) []byte {
	var b bytes.Buffer
	n.top.begin(&b)
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
		it.self.begin(&b)
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
	e.members.begin(b)
	b.WriteString(`"changes":[`)
}

// begin writes the members of an object that is to have one more.
func (o object) begin(b *bytes.Buffer) {
	b.WriteByte('{')
	for _, m := range o {
		b.Write(m.key)
		b.WriteByte(':')
		b.Write(m.value)
		b.WriteByte(',')
	}
}

// without returns what is repeated of an object beside the members of these names.
func (o object) without(names ...string) object {
	return o.repeated(func(m member) bool { return !slices.ContainsFunc(names, m.is) })
}
