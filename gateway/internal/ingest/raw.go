package ingest

import (
	"sync"

	"wagate/followup"
	"wagate/gateway/internal/webhook"
	"wagate/providers/cloudapi"
)

// source is the webhook that events came in. It is kept for the assistants that want webhooks as
// they came.
type source struct {
	body       []byte
	beside     map[string]string // the headers that are handed on with the body
	besidePart map[string]string // those that are handed on with a part of it
	events     int               // how many there are in the body
	// whole says that the body has no parts: it is about one thing.
	whole bool
	// narrower parses the body on the first call, so that it can be narrowed.
	narrower func() (*cloudapi.Narrower, error)
}

// source returns the source for a webhook with this many events, or nil if no assistant wants raw
// webhooks.
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

// mark records which event of the source these arrivals are of.
func (s *source) mark(item int, list []*arrival) []*arrival {
	for _, a := range list {
		a.source, a.item = s, item
	}
	return list
}

// raw returns the webhook for the conversation that these items are of, given by index in ascending
// order. It is the whole body, byte for byte, if that says nothing else about anybody, and
// otherwise the body narrowed to the items. It is nil if the body cannot be narrowed.
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

// attachRaw sets raw in the events of one settlement whose assistants want webhooks as they came.
// The events of one conversation share one webhook. Where that is not possible they keep Meta's
// shape.
func (in *Ingest) attachRaw(list []*arrival) {
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
