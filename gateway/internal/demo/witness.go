package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"wagate/config"
	"wagate/providers/providertest"
)

// witness is the assistant's ear: it tells the narrator and the journal what the assistant receives
// and sends.
type witness struct{ *world }

var _ ear = witness{}

func (w witness) message(in incoming) {
	p := w.book.phone(in.From)
	who := masked(in.From)
	if p != nil {
		w.book.link(p, in.LeadID)
		who = p.first()
	}
	w.narrator.tell(w.clock.now(), blue, "wagate → bot", "signed event: %s wrote; window open until %s",
		who, w.narrator.stamp(in.WindowCloses))
	w.journal.add(note{event: eventHeard, who: p, at: w.clock.now(), id: in.ID, text: in.Text})
}

func (w witness) answered(to, id, text string, err error) {
	if err != nil {
		w.narrator.tell(w.clock.now(), red, "bot", "could not answer %s: %v", masked(to), err)
	}
	n := note{event: eventAnswered, who: w.book.phone(to), at: w.clock.now(), id: id, text: text}
	if err != nil {
		n.reason = err.Error()
	}
	w.journal.add(n)
}

func (w witness) followup(h happening) {
	p := w.book.who(h.LeadID)
	n := note{at: w.clock.now(), who: p, step: h.Step, outcome: h.Outcome, reason: h.Reason, id: h.MessageID}
	name := "a lead"
	if p != nil {
		name = p.first()
	}
	switch h.Event {
	case "sent":
		n.event = eventStep // the line for it is printed when the provider accepts the message
	case "skipped", "failed", "uncertain", "settled":
		n.event = eventStep
		why := cmp.Or(h.Reason, "its kind is not known") // of a message that was sent after all
		w.narrator.tell(n.at, red, "wagate → bot", "%s: step %d %s (%s)", name, h.Step, h.Outcome, why)
	case "replied", "cancelled":
		n.event = eventEnded
		w.narrator.tell(n.at, green, "wagate → bot", "%s: follow-up over before step %d, reason: %s", name, h.Step, h.Reason)
	case "completed":
		n.event = eventEnded
		w.narrator.tell(n.at, green, "wagate → bot", "%s: follow-up over, every step is done", name)
	default: // scheduled
		return
	}
	w.journal.add(n)
}

func (w witness) forged() { w.forgeries.Add(1) }

// answer returns the assistant's answer to a message. It knows the cast's messages in the story, and
// answers any other with a polite sentence.
func (w *world) answer(in incoming) string {
	p := w.book.phone(in.From)
	switch {
	case p == nil:
		return "Thank you for writing! We will be with you in a moment."
	case in.Text == p.opening:
		return p.answer
	case in.Text == p.reply && p.reply != "":
		return p.thanks
	}
	return "Thank you, " + p.first() + "! I will look into it and write to you."
}

// arrival is a message in a provider's own log: one that the provider accepted.
type arrival struct {
	via  config.Provider
	id   string // the id that the provider answered with
	to   string // phone
	kind string // text, template or another type
	text string // the text that the lead reads
	at   time.Time
}

// arrivals returns the messages in the logs of both providers.
func (w *world) arrivals() []arrival {
	var all []arrival
	for _, s := range w.graph.Sends() {
		all = append(all, fromGraph(s))
	}
	for _, s := range w.gupshup.Sends() {
		all = append(all, fromGupshup(s))
	}
	return all
}

func fromGraph(s providertest.GraphSend) arrival {
	a := arrival{via: config.ProviderMeta, id: s.ID, to: strings.TrimPrefix(s.To, "+"), kind: s.Type, text: s.Text, at: s.At}
	if s.Type == kindTemplate {
		a.text = filled(s.Params)
	}
	return a
}

func fromGupshup(s providertest.GupshupSend) arrival {
	var m struct {
		Type   string   `json:"type"`
		Text   string   `json:"text"`
		Params []string `json:"params"`
	}
	_ = json.Unmarshal([]byte(s.Message), &m) // the simulator has checked that it is JSON
	a := arrival{via: config.ProviderGupshup, id: s.ID, to: s.To, kind: m.Type, text: m.Text, at: s.At}
	if s.Template {
		a.kind, a.text = kindTemplate, filled(m.Params)
	}
	return a
}

// The kinds of arrivals in the story.
const (
	kindText     = "text"
	kindTemplate = "template"
)

// filled returns the template's text with the parameters filled in.
func filled(params []string) string {
	text := templateText
	for i, p := range params {
		text = strings.ReplaceAll(text, "{{"+strconv.Itoa(i+1)+"}}", p)
	}
	return text
}

// watch starts watching the providers: every message that one accepts is told to the narrator and
// the journal.
func (w *world) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	w.unwatch = cancel
	w.watchers.Go(func() {
		for seen := 0; ; seen++ {
			sends, err := w.graph.WaitSends(ctx, seen+1)
			if err != nil {
				return // stopped
			}
			w.reached(fromGraph(sends[seen]))
		}
	})
	w.watchers.Go(func() {
		for seen := 0; ; seen++ {
			sends, err := w.gupshup.WaitSends(ctx, seen+1)
			if err != nil {
				return
			}
			w.reached(fromGupshup(sends[seen]))
		}
	})
}

func (w *world) reached(a arrival) {
	p := w.book.phone(a.to)
	who := masked(a.to)
	if p != nil {
		who = p.first()
	}
	what := ""
	if a.kind == kindTemplate {
		what = "template " + templateName + ": "
	}
	w.narrator.tell(a.at, green, providerName(a.via)+" → "+who, "%s%s", what, quote(a.text))
	w.journal.add(note{event: eventReached, who: p, at: a.at, id: a.id, text: a.text})
}
