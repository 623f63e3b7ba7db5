package ingest

import (
	"sync"

	"wagate/followup"
	"wagate/gateway/internal/webhook"
	"wagate/providers/cloudapi"
)

// source is the webhook that events came in, for the assistants that want it as
// it came.
type source struct {
	body       []byte
	beside     map[string]string // the headers that go on with it
	besidePart map[string]string // and with a part of it
	events     int               // in the body
	// whole says that the body has no parts: it is about one thing.
	whole bool
	// narrower reads the body for narrowing it, when that is first needed.
	narrower func() (*cloudapi.Narrower, error)
}

// source returns what is to be known of a webhook of so many events; nil if
// nobody will ask.
func (in *Ingest) source(
	body []byte, beside webhook.Header, events int, narrower func([]byte) (*cloudapi.Narrower, error),
) *source {
	if len(in.p.Raw) == 0 {
		return nil
	}
	s := &source{
		body: body, events: events,
		narrower: sync.OnceValues(func() (*cloudapi.Narrower, error) { return narrower(body) }),
	}
	s.beside, s.besidePart = beside.Pass()
	return s
}

// mark notes that these arrivals are of the event with this number.
func (s *source) mark(item int, list []*arrival) []*arrival {
	for _, a := range list {
		a.source, a.item = s, item
	}
	return list
}

// raw returns the body for whom these items of it concern, by number, ascending:
// whole, byte by byte, if it says nothing else of anybody, else narrowed to them.
// nil: it cannot be narrowed.
func (s *source) raw(items []int) *followup.RawWebhook {
	all := len(items) == s.events
	if all && s.whole {
		return &followup.RawWebhook{Body: s.body, Header: s.beside}
	}
	n, err := s.narrower()
	if err != nil || n.Items() != s.events {
		return nil
	}
	if all && n.Complete() {
		return &followup.RawWebhook{Body: s.body, Header: s.beside}
	}
	return &followup.RawWebhook{Body: n.Narrow(items), Narrowed: true, Header: s.besidePart}
}

// asTheyCame gives the events of one settlement that assistants want as they came the
// webhook they came in: one for each conversation, which its events share. Where
// that is not possible they keep Meta's shape.
func (in *Ingest) asTheyCame(list []*arrival) {
	var wanted []*arrival
	for _, a := range list {
		a.raw = nil
		if in.p.Raw[a.channel.Assistant] {
			wanted = append(wanted, a)
		}
	}
	for _, g := range group(wanted, func(i int) followup.ChannelID { return wanted[i].channel.ID }) {
		items := make([]int, len(g))
		for i, a := range g {
			items[i] = a.item
		}
		raw := g[0].source.raw(items)
		if raw == nil {
			continue
		}
		shared := &followup.RelayEvent{Channel: g[0].channel.ID, Field: g[0].event.Field, Raw: raw}
		for _, a := range g {
			a.raw = shared
		}
	}
}
