package demo

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"wagate/config"
	"wagate/providers/providertest"
)

// witness is what the assistant tells of what it hears and says.
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
		n.event = eventStep // the provider's log has the line
	case "skipped", "failed", "uncertain", "settled":
		n.event = eventStep
		w.narrator.tell(n.at, red, "wagate → bot", "%s: step %d %s (%s)", name, h.Step, h.Outcome, h.Reason)
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

// answer is what the assistant says. It knows the cast's first words; whatever
// comes later gets a polite word.
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

// arrival is a message that a provider accepted, by its own log.
type arrival struct {
	via  config.Provider
	id   string // as the sender was given it
	to   string // phone
	kind string // text, template or another type
	text string // as the lead reads it
	at   time.Time
}

// arrivals returns the logs of both providers.
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
	_ = json.Unmarshal([]byte(s.Message), &m) // the fake has checked it
	a := arrival{via: config.ProviderGupshup, id: s.ID, to: s.To, kind: m.Type, text: m.Text, at: s.At}
	if s.Template {
		a.kind, a.text = kindTemplate, filled(m.Params)
	}
	return a
}

// The kinds of arrivals that the story has.
const (
	kindText     = "text"
	kindTemplate = "template"
)

// filled is the template with the parameters in it.
func filled(params []string) string {
	text := templateText
	for i, p := range params {
		text = strings.ReplaceAll(text, "{{"+strconv.Itoa(i+1)+"}}", p)
	}
	return text
}

// watch tells of every message that a provider accepts.
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
