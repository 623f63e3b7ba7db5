package demo

import (
	"fmt"
	"regexp"
	"strings"

	"wagate/followup/writer/modeltest"
)

// leadName finds the lead's name among the facts in the prompt.
var leadName = regexp.MustCompile(`The lead:\n\{"name":"([^"]*)"`)

// write is the model. For a person of the cast it answers with the first of the person's nudges
// that is not in the conversation yet.
func (w *world) write(r modeltest.Request) modeltest.Answer {
	name := "there"
	var p *person
	if m := leadName.FindStringSubmatch(r.Text()); m != nil {
		name, _, _ = strings.Cut(m[1], " ")
		p = w.book.named(name)
	}
	w.narrator.tell(w.clock.now(), yellow, "wagate → model", "%s is silent: a text for %s, please", name, name)
	w.journal.add(note{event: eventAsked, who: p, at: w.clock.now()})
	return modeltest.Answer{Text: w.line(p, name, r.Text()), Hold: w.hold(p)}
}

// line returns a text that is not in the prompt yet: the person's next nudge, or else a general one.
func (w *world) line(p *person, name, told string) string {
	if p != nil {
		for _, line := range p.nudges {
			if !strings.Contains(told, line) {
				return line
			}
		}
	}
	more := []string{
		fmt.Sprintf("Hello %s, is there anything I can do for you today?", name),
		fmt.Sprintf("%s, most owners decide after seeing their own page. Shall I set one up for you to try?", name),
		fmt.Sprintf("Just so you know, %s: our team is around until six, write whenever it suits you.", name),
	}
	for _, line := range more {
		if !strings.Contains(told, line) {
			return line
		}
	}
	return fmt.Sprintf("%s, this is the message number %d of a very patient business.", name, strings.Count(told, name))
}

// hold makes the model think about a person who replies in the story until that person has replied.
// It returns nil if the model is to answer at once.
func (w *world) hold(p *person) <-chan struct{} {
	if p == nil || p.reply == "" {
		return nil
	}
	return w.replied // closed for good after the reply
}
