package ingest

import (
	"strings"
	"time"

	"wagate/followup"
	"wagate/providers"
	"wagate/providers/cloudapi"
)

// arrival is one event on its way to one channel's lead.
type arrival struct {
	event   *providers.Event
	channel *followup.Channel
	copy    bool // of an event that is for several: counted once
	source  *source
	item    int // which one of the source's

	// Found out on the way.
	lead    followup.LeadID
	nobody  bool // no lead: queued under a stand-in
	skip    bool // its lead could not be found out; the provider sends it again
	receipt *followup.Receipt
	rewrite cloudapi.Rewrite
	parked  []followup.Parked    // receipts that waited for what this event told
	raw     *followup.RelayEvent // what its assistant wants in the place of Meta's shape; nil: nothing
}

// arrivals returns an event once for each channel.
func arrivals(e *providers.Event, to []*followup.Channel) []*arrival {
	var list []*arrival
	for i, c := range to {
		list = append(list, &arrival{event: e, channel: c, copy: i > 0})
	}
	return list
}

// item says what the event does to its lead.
func (in *Ingest) item(a *arrival, now time.Time) followup.Item {
	e, effect := a.event, followup.EffectOf(a.event.Kind)
	at, told := in.at(e, now)
	it := followup.Item{DedupID: a.dedupID(), Channel: a.channel.ID, Assistant: a.channel.Assistant, At: at}
	switch {
	case !effect.Relay:
	case a.raw != nil:
		it.Relay = a.raw
	default:
		it.Relay = &followup.RelayEvent{
			Channel: a.channel.ID, Account: a.account(), Entry: e.Entry, Field: e.Field, Value: a.rewrite.Apply(e.Value),
		}
	}
	if a.nobody {
		return it
	}
	it.Opens, it.Reply, it.Outbound = effect.Opens && told, effect.Reply, effect.Outbound
	if e.Kind == providers.KindUnknown && e.MessageID == "" {
		it.Reply = false // a notice about the contact, not a message of his
	}
	it.NewIdentity = renamed(e)
	if stop, said := in.optOut(e); said && (told || stop) {
		// Of a word that may be older than another, the stop is the one to believe.
		it.OptOut, it.OptOutAt = &stop, at.Add(min(e.Margin, now.Sub(at)))
		it.Undated = e.Preference != nil && e.At.IsZero()
	}
	it.Receipt = a.receipt
	if effect.Speaker != "" {
		it.Entry = &followup.Entry{From: effect.Speaker, Text: said(e), At: it.At}
	}
	return it
}

// dedupID is the event's id. A status that names its message by another id
// than the sender was given gets the name it would have with that one: in
// another format, or after a week, the same status comes under either.
func (a *arrival) dedupID() string {
	id := a.event.ID
	if a.event.Status == nil || a.rewrite.StatusID == "" {
		return id
	}
	if rest, ok := strings.CutPrefix(id, "status:"+a.event.Status.MessageID+":"); ok {
		return "status:" + a.rewrite.StatusID + ":" + rest
	}
	return id
}

// account is what entry[].id says to the assistant: a Gupshup channel has one,
// though its events name the app now by id, now by name.
func (a *arrival) account() string {
	if a.channel.Provider == providers.Gupshup && a.channel.Account != "" {
		return a.channel.Account
	}
	return a.event.Account
}

// at returns the event's time as the window counts it. Told is false if nobody
// knows it: then it is now for all but the window.
func (in *Ingest) at(e *providers.Event, now time.Time) (at time.Time, told bool) {
	latest := now.Add(-e.Margin)
	switch {
	case in.p.ArrivalTime:
		return now, true
	case e.At.IsZero():
		return latest, e.Margin > 0
	case e.At.After(latest):
		return latest, true
	}
	return e.At, true
}

// optOut returns what the event says about the lead's wish, if anything.
func (in *Ingest) optOut(e *providers.Event) (stop, said bool) {
	switch {
	case e.Preference != nil:
		return e.Preference.Stop, true
	case e.Kind == providers.KindText:
		stop = in.p.OptOutWords.Match(e.Text)
	case e.Kind == providers.KindButton:
		stop = in.p.OptOutWords.Match(e.Payload)
	}
	return stop, stop
}

// maxSaid bounds a history entry, in characters.
const maxSaid = 2000

// said returns what stands in the history: the words, or the kind in brackets.
func said(e *providers.Event) string {
	text := strings.TrimSpace(e.Text)
	if text == "" {
		return "[" + string(e.Kind) + "]"
	}
	if e.Kind == providers.KindReaction {
		text = "[reaction] " + text
	}
	if len(text) <= maxSaid {
		return text // as nearly always
	}
	n := 0
	for i := range text {
		if n == maxSaid {
			return text[:i] + "…"
		}
		n++
	}
	return text
}
