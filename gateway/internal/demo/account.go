package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wagate/config"
)

// rung is what should happen at one step.
type rung struct {
	interval        time.Duration
	outcome, reason string
	kind            string // the message's kind in the provider's log; empty if there is no message
	text            string
	open            bool // whether the window is open when the message is sent
}

// rungs returns what should happen at the steps of a person's follow-up.
func rungs(p *person) []rung {
	if p.reply != "" {
		return []rung{{interval: 30 * time.Minute, outcome: "cancelled", reason: "replied"}}
	}
	return []rung{
		{30 * time.Minute, "sent", "ai", kindText, p.nudges[0], true},
		{2 * time.Hour, "sent", "ai", kindText, p.nudges[1], true},
		{aDay, "sent", "template", kindTemplate, filled([]string{p.first(), "Leavo"}), false},
	}
}

// ledger is what the account is drawn up from.
type ledger struct {
	runs     map[*person][]runView // as wagate shows them
	arrivals map[string]arrival    // the messages in the providers' logs, by id
	assisted map[string]bool       // the ids of the assistant's own messages
}

// account compares what wagate shows with what the providers and the assistant saw, notes every
// difference as a problem, and prints the result.
func (s *story) account(ctx context.Context) {
	l := ledger{runs: map[*person][]runView{}, arrivals: map[string]arrival{}, assisted: map[string]bool{}}
	for _, a := range s.arrivals() {
		l.arrivals[a.id] = a
	}
	for _, n := range s.journal.all(func(n note) bool { return n.event == eventAnswered && n.reason == "" }) {
		l.assisted[n.id] = true
	}
	for _, p := range s.book.people {
		lead := s.book.lead(p)
		if lead == "" {
			continue // the story broke off before; that is a problem already
		}
		runs, err := s.tenant.runs(ctx, lead)
		if err != nil {
			s.problem("%s's runs: %v", p.first(), err)
			continue
		}
		l.runs[p] = runs
	}
	s.checkRuns(l)
	s.checkArrivals(l)
	s.checkWebhooks()
	if err := s.eventually(ctx, func(m metrics) []string { return disagreements(m, l) }); err != nil {
		s.problem("the metrics tell another story: %v", err)
	}
	s.show(ctx, l)
}

// checkRuns compares the timelines with what should have happened.
func (s *story) checkRuns(l ledger) {
	for _, p := range s.book.people {
		runs := l.runs[p]
		if len(runs) != 1 {
			s.problem("%s on %s has %d runs, want 1", p.first(), p.provider(), len(runs))
			continue
		}
		want, end := rungs(p), "completed"
		if p.reply != "" {
			end = "replied"
		}
		if run := runs[0]; run.State != "ended" || run.Reason != end {
			s.problem("%s's run: got %s %s, want ended %s", p.first(), run.State, run.Reason, end)
		}
		previous := s.triggered[p]
		for i, r := range want {
			if i >= len(runs[0].Timeline) {
				s.problem("%s's step %d never came, want %s (%s)", p.first(), i+1, r.outcome, r.reason)
				continue
			}
			m := runs[0].Timeline[i]
			if m.Outcome != r.outcome || m.Reason != r.reason || m.Settled != "" {
				s.problem("%s's step %d on %s: got %s, want %s", p.first(), i+1, p.provider(), outcome(m), outcome(momentView{Outcome: r.outcome, Reason: r.reason}))
			}
			if early := previous.Truncate(time.Millisecond).Add(r.interval).Sub(m.DueAt); early > 0 {
				s.problem("%s's step %d is due %v early", p.first(), i+1, early)
			}
			previous = m.At
			if a, ok := l.arrivals[m.MessageID]; ok && m.MessageID != "" {
				s.checkArrival(p, i+1, r, m, a)
				previous = a.at
			} else if m.Outcome == "sent" {
				s.problem("%s's step %d: wagate says sent, but %s has no such message", p.first(), i+1, p.provider())
			}
		}
		if more := len(runs[0].Timeline) - len(want); more > 0 {
			s.problem("%s's run has %d more steps than it should", p.first(), more)
		}
	}
}

// checkArrival compares one message in the provider's log with what should have been sent.
func (s *story) checkArrival(p *person, step int, r rung, m momentView, a arrival) {
	if a.to != p.phone || a.via != p.via {
		s.problem("%s's step %d went to %s through %s", p.first(), step, masked(a.to), providerName(a.via))
	}
	if a.kind != r.kind || a.text != r.text {
		s.problem("%s's step %d: got the %s %s, want the %s %s", p.first(), step, a.kind, quote(a.text), r.kind, quote(r.text))
	}
	if early := m.DueAt.Sub(a.at); early > 0 {
		s.problem("%s's step %d came %v early", p.first(), step, early)
	}
	if open := a.at.Before(s.closes[p]); open != r.open {
		s.problem("%s's step %d came at %s, but the window closes at %s", p.first(), step, s.narrator.stamp(a.at), s.narrator.stamp(s.closes[p]))
	}
}

// checkArrivals checks that every message that reached a lead is in a timeline or is the assistant's
// own, and that every message of the assistant reached a provider.
func (s *story) checkArrivals(l ledger) {
	told := map[string]bool{}
	for _, runs := range l.runs {
		for _, run := range runs {
			for _, m := range run.Timeline {
				told[m.MessageID] = true
			}
		}
	}
	for id, a := range l.arrivals {
		if !told[id] && !l.assisted[id] {
			s.problem("%s got a message at %s that is in no timeline: %s", s.name(a.to), s.narrator.stamp(a.at), quote(a.text))
		}
	}
	for id := range l.assisted {
		if _, ok := l.arrivals[id]; !ok {
			s.problem("wagate accepted a message of the assistant that reached no provider")
		}
	}
}

// name returns the first name of the person with that phone, or the masked phone.
func (s *story) name(phone string) string {
	if p := s.book.phone(phone); p != nil {
		return p.first()
	}
	return masked(phone)
}

// checkWebhooks checks that wagate accepted every webhook, that no event reached the assistant
// without a valid signature, and that at least one event of each person reached it.
func (s *story) checkWebhooks() {
	for _, w := range s.graph.Webhooks() {
		if !w.Done || !slices.Equal(w.Answers, []int{200}) {
			s.problem("a webhook of Meta was answered %v, want 200 at once", w.Answers)
		}
	}
	for _, a := range s.gupshup.Answers() {
		if a.Status/100 != 2 {
			s.problem("a callback of Gupshup was answered %d, want 2xx", a.Status)
		}
	}
	if n := s.forgeries.Load(); n != 0 {
		s.problem("the assistant got %d events whose signature was not valid", n)
	}
	for _, p := range s.book.people {
		if len(s.journal.all(func(n note) bool { return n.event == eventHeard && n.who == p })) == 0 {
			s.problem("no event of %s reached the assistant", p.first())
		}
	}
}

// disagreements compares the metrics with the ledger and returns the differences.
func disagreements(m metrics, l ledger) []string {
	var out []string
	want := func(n int, name string, labels ...string) {
		if got := m.sum(name, labels...); got != n {
			out = append(out, fmt.Sprintf("%s{%s} is %d, want %d", name, strings.Join(labels, ","), got, n))
		}
	}
	ends := map[[2]string]int{}
	for _, runs := range l.runs {
		for _, run := range runs {
			for _, moment := range run.Timeline {
				if moment.Outcome != "" {
					ends[[2]string{moment.Outcome, moment.Reason}]++
				}
			}
		}
	}
	total := 0
	for end, n := range ends {
		want(n, "wagate_followup_steps_total", label("outcome", end[0]), label("reason", end[1]))
		total += n
	}
	want(total, "wagate_followup_steps_total")
	for _, via := range []config.Provider{config.ProviderMeta, config.ProviderGupshup} {
		for _, kind := range []string{kindText, kindTemplate} {
			n := 0
			for _, a := range l.arrivals {
				if a.via == via && a.kind == kind {
					n++
				}
			}
			want(n, "wagate_sends_total", label("provider", string(via)), label("kind", kind), label("outcome", "sent"))
		}
	}
	want(0, "wagate_relay_dead")
	want(0, "wagate_relay_pending")
	return out
}

func label(name, value string) string { return name + `="` + value + `"` }

// outcome describes how a step ended.
func outcome(m momentView) string {
	if m.Outcome == "" {
		return "waiting"
	}
	text := m.Outcome + " (" + m.Reason + ")"
	if m.Settled != "" {
		text += ", then " + m.Settled
	}
	return text
}

// verdict prints how the story ended. It returns an error if there were problems.
func (s *story) verdict() error {
	if len(s.problems) == 0 {
		tick := "  " + s.narrator.paint(green, "✓") + " "
		s.narrator.print("",
			tick+"AI after 30 min, AI 2 h later, the template 1 day later: on Meta and on Gupshup, and nothing early",
			tick+"windows opened and closed as they should, and no free-form text went into a closed one",
			tick+"no follow-up reached the lead who replied",
			tick+"every event reached the assistant with a valid signature",
			tick+"wagate's timelines and metrics agree with the providers' own logs, message by message",
			"", "  "+s.narrator.paint(bold, "The story is complete."))
		return nil
	}
	s.narrator.print("", "  "+s.narrator.paint(red, "✗ The story did not go as it should:"))
	for _, p := range s.problems {
		s.narrator.print("    - " + p)
	}
	if more := len(s.problems) - 1; more > 0 {
		return fmt.Errorf("the story did not go as it should: %s (and %d more problems)", s.problems[0], more)
	}
	return errors.New("the story did not go as it should: " + s.problems[0])
}
