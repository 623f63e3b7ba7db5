package ingest

import (
	"strings"
	"time"

	"wagate/followup"
	"wagate/providers"
	"wagate/providers/cloudapi"
)

// arrival is one event on its way to the lead of one channel.
type arrival struct {
	event   *providers.Event
	channel *followup.Channel
	copy    bool // another channel has the event too; it is counted there
	source  *source
	item    int // index of the event in source

	// The rest is found out on the way.
	lead    followup.LeadID
	standIn bool // no lead: queued under a stand-in
	skip    bool // its lead could not be found; the provider will send it again
	receipt *followup.Receipt
	rewrite cloudapi.Rewrite
	parked  []followup.Parked    // parked receipts of the message that this event is about
	raw     *followup.RelayEvent // what the assistant gets instead of Meta's shape; nil: Meta's shape
}

// arrivals returns one arrival of an event for each channel.
func arrivals(e *providers.Event, to []*followup.Channel) []*arrival {
	var list []*arrival
	for i, c := range to {
		list = append(list, &arrival{event: e, channel: c, copy: i > 0})
	}
	return list
}

// item returns what the event does to its lead.
func (in *Ingest) item(a *arrival, now time.Time) followup.Item {
	e, effect := a.event, followup.EffectOf(a.event.Kind)
	at, told := in.eventTime(e, now)
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
	if a.standIn {
		return it
	}
	it.Opens, it.Reply, it.Outbound = effect.Opens && told, effect.Reply, effect.Outbound
	if e.Kind == providers.KindUnknown && e.MessageID == "" {
		it.Reply = false // a notice about the contact, not a message from the contact
	}
	it.NewIdentity = renamed(e)
	if stop, said := in.optOut(e); said && (told || stop) {
		// The margin is added back, up to now: if it is unclear which of two words is the later
		// one, the stop should count.
		it.OptOut, it.OptOutAt = &stop, at.Add(min(e.Margin, now.Sub(at)))
		it.Undated = e.Preference != nil && e.At.IsZero()
	}
	it.Receipt = a.receipt
	if effect.Speaker != "" {
		it.Entry = &followup.Entry{From: effect.Speaker, Text: historyText(e), At: it.At}
	}
	return it
}

// dedupID returns the event's id for deduplication. The id of a status contains the id of its
// message. If that is not the id that the sender was given, dedupID puts the sender's in its place:
// in another format, or after a week, the same status comes under either id.
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

// account returns the entry[].id that the assistant sees. A Gupshup channel always has the same
// one, though its events name the app by id at one time and by name at another.
func (a *arrival) account() string {
	if a.channel.Provider == providers.Gupshup && a.channel.Account != "" {
		return a.channel.Account
	}
	return a.event.Account
}

// eventTime returns the event's time as the window counts it, never later than now. told is false
// if the time is unknown: then at is now, which counts for everything but the window.
func (in *Ingest) eventTime(e *providers.Event, now time.Time) (at time.Time, told bool) {
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

// optOut reports whether the event says anything about the lead's wish to get messages, and if so
// whether it is a stop or a resume.
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

// maxSaid bounds the text of a history entry, in characters.
const maxSaid = 2000

// historyText returns the event's text for the history: its words, or its kind in brackets if it
// has none.
func historyText(e *providers.Event) string {
	text := strings.TrimSpace(e.Text)
	if text == "" {
		return "[" + string(e.Kind) + "]"
	}
	if e.Kind == providers.KindReaction {
		text = "[reaction] " + text
	}
	if len(text) <= maxSaid {
		return text // the usual case
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
