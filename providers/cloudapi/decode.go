package cloudapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"iter"

	"wagate/providers"
)

// ErrBody says that a webhook's body is not a JSON object at all.
var ErrBody = errors.New("cloudapi: body is not a JSON object")

// Options are what a provider's dialect of the envelope adds. The zero value is
// Meta's own.
type Options struct {
	// AccountKey names a top-level member that stands for the account instead
	// of entry[].id (Gupshup: gs_app_id). It is used where it is present.
	AccountKey string

	// StatusIDs picks, from the members of a status, the id that the send call
	// answered with and further ids of the same message. Default: id, none. A
	// result without an id makes the status malformed.
	StatusIDs func(member func(name string) string) (id string, others []string)

	// QuotedID picks the quoted message from the members of a context. Default: id.
	QuotedID func(member func(name string) string) string

	// Classify reads the code of a failed status. Default: Classify of this package.
	Classify func(code, httpStatus int) providers.Error

	// Fields says what a change of a field that this package does not know is.
	Fields map[string]providers.Kind

	// SameAs names a field of Meta's that a field of the dialect's is: where it holds
	// items of that kind, they are read, and relayed, as that one's.
	SameAs map[string]string

	// MetaShape makes Value what Meta would have written where the dialect
	// differs: a status or context has the id picked above, and a message's or
	// status's timestamp is a string of seconds. What the dialect's entry says
	// beside its changes is left out.
	MetaShape bool
}

// Batch is what one webhook body held.
type Batch struct {
	Events  []providers.Event
	Skipped int // items that made no sense
}

// Decode splits a webhook body into events. It keeps no reference to body.
func Decode(body []byte, o Options) (Batch, error) { return split(body, o, nil) }

// split decodes, and tells n, if there is one, where each event stood.
func split(body []byte, o Options, n *Narrower) (Batch, error) {
	if !valid(body) {
		return Batch{}, ErrBody
	}
	top := read(sanitised(body))
	if !top.opens('{') {
		return Batch{}, ErrBody
	}
	if o.StatusIDs == nil {
		o.StatusIDs = func(member func(string) string) (string, []string) { return member("id"), nil }
	}
	if o.QuotedID == nil {
		o.QuotedID = func(member func(string) string) string { return member("id") }
	}
	if o.Classify == nil {
		o.Classify = Classify
	}
	d := decoder{Options: o, narrower: n, budget: budget{maxInAll}}
	if o.AccountKey != "" {
		d.account = short(top.id(o.AccountKey))
	}
	if n != nil {
		n.top = top.beside(maxBeside, "entry")
		n.look(top, "entry")
	}
	list := top.get("entry")
	if !list.opens('[') {
		d.skip()
	}
	for e := range d.items(list) {
		d.entry(e)
	}
	return d.batch, nil
}

// decoder gathers the events of one body.
type decoder struct {
	Options

	account  string
	budget   budget
	batch    Batch
	narrower *Narrower
	in       *enclosing // for it: where the decoder is
}

// skip counts an item that made no sense.
func (d *decoder) skip() { d.batch.Skipped++ }

// items ranges over the elements of an array as long as there is room for more
// events. The others are skipped before anything is made of them.
func (d *decoder) items(list value) iter.Seq[value] {
	return func(yield func(value) bool) {
		for e := range list.elements() {
			if len(d.batch.Events) >= MaxItems {
				d.skip()
			} else if !yield(e) {
				return
			}
		}
	}
}

// add completes an event with what its change says and keeps it.
func (d *decoder) add(c *change, e providers.Event) {
	e.Account, e.Number, e.Field = c.account, c.number, c.field
	e.Contact, e.Previous = plausible(e.Contact), plausible(e.Previous)
	if d.budget.take(len(c.entry)) {
		e.Entry = c.entry
	}
	d.batch.Events = append(d.batch.Events, e)
	if d.narrower != nil {
		d.narrower.items = append(d.narrower.items, piece{in: d.in, self: c.self, value: e.Value})
	}
}

func (d *decoder) entry(o value) {
	list := o.get("changes")
	if !list.opens('[') {
		d.skip()
		return
	}
	account := d.account
	if account == "" {
		account = short(o.id("id"))
	}
	at := o.get("time").raw()
	if len(at) > maxLean {
		at = nil // no time is that long
	}
	if d.narrower != nil {
		d.in = &enclosing{o.beside(maxBeside, "changes")}
		d.narrower.look(o, "changes")
	}
	var rest json.RawMessage
	if !d.MetaShape {
		rest = besides(o)
	}
	for m := range d.items(list) {
		if !m.opens('{') {
			d.skip()
			continue
		}
		c := newChange(account, at, m, &d.budget)
		c.entry = rest
		if d.narrower != nil {
			c.self = m.beside(maxBeside, "value")
			d.narrower.look(m, "value")
		}
		d.change(c)
	}
}

// change hands a change to whoever knows its field.
func (d *decoder) change(c *change) {
	if !c.value.there() || c.field == "" {
		d.skip()
		return
	}
	kind, known := fieldKind(c.field)
	if more, ok := d.Fields[c.field]; !known && ok {
		kind, known = more, true
	}
	if known && !c.value.opens('{') {
		d.skip()
		return
	}
	before := len(d.batch.Events) + d.batch.Skipped
	name := c.field
	c.field = cmp.Or(d.SameAs[name], name)
	switch c.field {
	case "messages":
		d.messages(c)
		d.statuses(c)
		d.errors(c)
	case "calls":
		d.calls(c)
		d.errors(c)
	case "smb_message_echoes":
		d.echoes(c)
	case "history":
		d.history(c)
	case "user_preferences":
		d.preferences(c)
	default:
		d.notice(c, kind)
	}
	if len(d.batch.Events)+d.batch.Skipped == before {
		// A known field with nothing known in it: relayed as it is.
		c.field = name
		d.notice(c, providers.KindUnknown)
		return
	}
	d.narrower.lookInto(c)
}
