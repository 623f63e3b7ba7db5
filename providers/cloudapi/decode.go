package cloudapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"iter"

	"wagate/providers"
)

// ErrBody reports that the body of a webhook is not a JSON object.
var ErrBody = errors.New("cloudapi: body is not a JSON object")

// Options are the additions of a provider's dialect of the envelope. The zero value is Meta's own
// dialect.
type Options struct {
	// AccountKey is a top-level member that identifies the account instead of entry[].id (Gupshup:
	// gs_app_id). It is used if it is present.
	AccountKey string

	// StatusIDs picks, from the members of a status, the id that the send call returned and further
	// ids of the same message. Default: id, and no others. A status for which it returns no id is
	// malformed.
	StatusIDs func(member func(name string) string) (id string, others []string)

	// QuotedID picks the id of the quoted message from the members of a context. Default: id.
	QuotedID func(member func(name string) string) string

	// Classify returns the meaning of the code of a failed status. Default: this package's
	// Classify.
	Classify func(code, httpStatus int) providers.Error

	// Fields gives the kind of changes of fields that this package does not know.
	Fields map[string]providers.Kind

	// SameAs maps a field of the dialect to the equivalent field of Meta's. If a change of the
	// first holds items of the second, the items are read and relayed as the second.
	SameAs map[string]string

	// MetaShape writes Value as Meta would where the dialect differs: a status or context gets the
	// id picked above, and the timestamp of a message or status becomes a string of seconds.
	// Members of the dialect's entry beside its changes are left out.
	MetaShape bool
}

// Batch is the content of one webhook body.
type Batch struct {
	Events  []providers.Event
	Skipped int // malformed items, and items beyond MaxItems
}

// Decode splits a webhook body into events. Its error is ErrBody. It keeps no reference to body.
func Decode(body []byte, o Options) (Batch, error) { return split(body, o, nil) }

// split decodes the body and, if n is not nil, records in n where each event was found.
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
		d.account = sharedID(top.id(o.AccountKey))
	}
	if n != nil {
		n.top = top.beside(maxBeside, "entry")
		n.noteExtra(top, "entry")
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

// decoder collects the events of one body.
type decoder struct {
	Options

	account  string
	budget   budget
	batch    Batch
	narrower *Narrower
	in       *enclosing // entry that the decoder is in; only for a Narrower
}

// skip counts a malformed item.
func (d *decoder) skip() { d.batch.Skipped++ }

// items ranges over the elements of an array while there is room for more events. It skips the
// others before any work is done for them.
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

// add completes an event with what its change says, and appends it.
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
		account = sharedID(o.id("id"))
	}
	at := o.get("time").raw()
	if len(at) > maxLean {
		at = nil // no time is that long
	}
	if d.narrower != nil {
		d.in = &enclosing{o.beside(maxBeside, "changes")}
		d.narrower.noteExtra(o, "changes")
	}
	var rest json.RawMessage
	if !d.MetaShape {
		rest = entryMembers(o)
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
			d.narrower.noteExtra(m, "value")
		}
		d.change(c)
	}
}

// change decodes a change by its field.
func (d *decoder) change(c *change) {
	if !c.value.exists() || c.field == "" {
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
		// A known field without a known item is relayed as it is.
		c.field = name
		d.notice(c, providers.KindUnknown)
		return
	}
	d.narrower.noteExtraIn(c)
}
