package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"wagate/followup"
)

// story is the plot. Something that does not go as it should is a problem, and is printed at the
// end. An error is a problem after which the story cannot go on.
type story struct {
	*world
	problems  []string
	triggered map[*person]time.Time // an instant just before the person's status changed
	closes    map[*person]time.Time // when the window closes that the person's first message opened
}

func newStory(w *world) *story {
	return &story{world: w, triggered: map[*person]time.Time{}, closes: map[*person]time.Time{}}
}

// patience is how long, in real time, the story waits for something that should happen at once. It
// is enough for a machine that is busy with something else.
const patience = 30 * time.Second

func (s *story) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// tell plays the story, chapter by chapter, then draws up the account, even if a chapter failed,
// and returns the verdict. It returns early with errBehind if the machine did not keep up with the
// clock, and with ctx's error if the story was interrupted.
func (s *story) tell(ctx context.Context) error {
	s.introduce()
	for _, chapter := range []struct {
		play func(context.Context) error
		open bool // the windows must still be open when the chapter ends
	}{
		{s.configure, false},
		{s.leadsWrite, true},
		{s.statusChanges, true},
		{s.goQuiet, true},
		{s.windowsClose, false},
		{s.templates, false},
	} {
		err := chapter.play(ctx)
		if err != nil && ctx.Err() != nil && !errors.Is(context.Cause(ctx), errTooLong) {
			return err // interrupted
		}
		if chapter.open && s.closed() {
			return errBehind
		}
		if err != nil {
			s.problem("%v", err)
			break
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	s.account(ctx)
	return s.verdict()
}

// closed reports whether any of the windows has closed.
func (s *story) closed() bool {
	for _, at := range s.closes {
		if !s.clock.now().Before(at) {
			return true
		}
	}
	return false
}

func (s *story) introduce() {
	s.narrator.chapter("wagate demo: leads write, get answers, go quiet, and are followed up")
	s.narrator.print("",
		"  All of this runs in one process and talks over HTTP on loopback:",
		"    wagate      "+s.tenant.public+", metrics on "+s.tenant.admin+"/metrics, Redis embedded",
		"    Meta        "+s.graph.URL()+", simulated",
		"    Gupshup     "+s.gupshup.URL()+", simulated",
		"    bot         "+s.assistant.url+", the AI assistant that answers leads",
		"    model       "+s.model.URL()+", writes the follow-ups",
		fmt.Sprintf("  The clock is fast: a day passes in %.0f seconds.", s.day.Seconds()))
}

// configure makes Meta verify wagate's webhook, and creates the follow-up configuration.
func (s *story) configure(ctx context.Context) error {
	s.narrator.chapter("1. The business sets up its follow-up")
	status, challenge, err := s.graph.Handshake(ctx, verifyToken)
	if err != nil {
		return err
	}
	if status != http.StatusOK || challenge != "1158201444" {
		return fmt.Errorf("wagate answered the handshake of Meta with %d, want 200 and the challenge", status)
	}
	config, err := s.tenant.createConfig(ctx, followupConfig)
	if err != nil {
		return err
	}
	s.narrator.tell(s.clock.now(), plain, "business", "POST /backend/followup/configs, %d warnings. When a lead's status", len(config.Warnings))
	s.narrator.print(indent("becomes “quote sent” and the lead stays silent, it will get:"))
	ladders := map[string]bool{}
	for _, channel := range []string{metaChannel, gupshupChannel} {
		ladder, err := s.tenant.ladder(ctx, config.ID, channel)
		if err != nil {
			return err
		}
		var lines []string
		for i, step := range ladder.Steps {
			what := "a text by AI: " + step.Prompt
			if step.TemplateName != "" {
				what = "the approved template " + step.TemplateName
			}
			wait, err := followup.ParseInterval(step.Interval)
			if err != nil {
				return err
			}
			lines = append(lines, indent(fmt.Sprintf("  %d. %s later: %s", i+1, pad(spoken(wait), len("30 min")), what)))
		}
		ladders[strings.Join(lines, "\n")] = true
	}
	if len(ladders) != 1 {
		return errors.New("the ladders of the two channels differ, want the same")
	}
	for ladder := range ladders {
		s.narrator.print(ladder)
	}
	return nil
}

// indent indents a line so that it stands below the text of a line that tell has printed.
func indent(text string) string { return strings.Repeat(" ", stampWidth+whoWidth+2) + text }

// leadsWrite is the chapter in which each lead writes, the lead's window opens, and the assistant
// answers.
func (s *story) leadsWrite(ctx context.Context) error {
	s.narrator.chapter("2. Leads write. For 24 hours the business may write to them freely: their window is open")
	for _, p := range s.book.people {
		before := s.clock.now()
		if err := s.converse(ctx, p, p.opening); err != nil {
			return err
		}
		after := s.clock.now()
		lead, err := s.tenant.lead(ctx, s.book.lead(p))
		if err != nil {
			return err
		}
		window := lead.window(p.channel())
		if !window.ClosesAt.IsZero() {
			s.closes[p] = window.ClosesAt
		}
		if !window.Open {
			return fmt.Errorf("%s has written, but the window is not open", p.first())
		}
		// Gupshup does not tell WhatsApp's timestamp, so wagate subtracts a minute to be safe.
		if opened := window.ClosesAt.Add(-aDay); opened.Before(before.Add(-time.Minute)) || opened.After(after) {
			s.problem("%s wrote between %s and %s, but the window closes at %s", p.first(),
				s.narrator.stamp(before), s.narrator.stamp(after), s.narrator.stamp(window.ClosesAt))
		}
	}
	m, err := s.tenant.metrics(ctx)
	if err != nil {
		return err
	}
	if open := m.sum("wagate_windows_open"); open != len(s.book.people) {
		s.problem("wagate_windows_open is %d, want %d", open, len(s.book.people))
	}
	s.narrator.tell(s.clock.now(), plain, "wagate", "three windows are open (wagate_windows_open)")
	return nil
}

// converse lets a lead write, and waits until the assistant's answer has reached the lead's
// provider.
func (s *story) converse(ctx context.Context, p *person, text string) error {
	if err := s.writes(ctx, p, text); err != nil {
		return err
	}
	if _, err := s.journal.wait(ctx, patience, p.first()+"'s message reaches the assistant", func(n note) bool {
		return n.event == eventHeard && n.who == p && n.text == text
	}); err != nil {
		return err
	}
	want := s.answer(incoming{From: p.phone, Text: text})
	answered, err := s.journal.wait(ctx, patience, "the assistant answers "+p.first(), func(n note) bool {
		return n.event == eventAnswered && n.who == p && n.text == want
	})
	if err != nil {
		return err
	}
	if answered.reason != "" {
		return fmt.Errorf("the assistant could not answer %s: %s", p.first(), answered.reason)
	}
	_, err = s.journal.wait(ctx, patience, "the answer to "+p.first()+" reaches "+p.provider(), func(n note) bool {
		return n.event == eventReached && n.id == answered.id
	})
	return err
}

// statusChanges is the chapter in which the CRM says that the leads have got their quotes.
func (s *story) statusChanges(ctx context.Context) error {
	s.narrator.chapter("3. They get their quotes: their status changes, and the follow-up is armed")
	for _, p := range s.book.people {
		s.triggered[p] = s.clock.now()
		s.narrator.tell(s.triggered[p], plain, "CRM", "PUT /backend/leads/…: %s's status is “quote sent”", p.first())
		if err := s.tenant.setStatus(ctx, s.book.lead(p), statusQuoteSent); err != nil {
			return err
		}
	}
	return nil
}

// goQuiet is the chapter in which AI writes to the leads who stay silent, and not to the one who
// replies while the model is still writing.
func (s *story) goQuiet(ctx context.Context) error {
	s.narrator.chapter("4. They stay silent, so AI writes to them. One of them replies just then")
	for _, p := range s.book.people {
		if p.reply == "" {
			if err := s.step(ctx, p, 1, 30*time.Minute); err != nil {
				return err
			}
			continue
		}
		if err := s.replies(ctx, p); err != nil {
			return err
		}
	}
	for _, p := range s.silent() {
		if err := s.step(ctx, p, 2, 2*time.Hour); err != nil {
			return err
		}
	}
	return nil
}

// silent returns the people who never reply to a follow-up.
func (s *story) silent() []*person {
	var out []*person
	for _, p := range s.book.people {
		if p.reply == "" {
			out = append(out, p)
		}
	}
	return out
}

// step waits until a step has ended, in whatever way. The account checks how it ended.
func (s *story) step(ctx context.Context, p *person, n int, interval time.Duration) error {
	within := patience + s.real(interval)
	step, err := s.journal.wait(ctx, within, fmt.Sprintf("follow-up %d to %s on %s", n, p.first(), p.provider()), func(e note) bool {
		return e.who == p && (e.event == eventStep && e.step == n || e.event == eventEnded)
	})
	if err != nil || step.outcome != "sent" {
		return err
	}
	// The provider wrote its log before it answered wagate. Waiting for the note of it only puts
	// the story's lines in that order.
	_, err = s.journal.wait(ctx, time.Second, "the log of "+p.provider(), func(e note) bool {
		return e.event == eventReached && e.id == step.id
	})
	if ctx.Err() != nil {
		return err
	}
	return nil
}

// replies is the part of goQuiet in which the model is asked for a text and takes its time, and the
// lead replies before the model has answered.
func (s *story) replies(ctx context.Context, p *person) error {
	within := patience + s.real(30*time.Minute)
	if _, err := s.journal.wait(ctx, within, "the model is asked for a text to "+p.first(), func(n note) bool {
		return n.event == eventAsked && n.who == p
	}); err != nil {
		return err
	}
	s.narrator.tell(s.clock.now(), yellow, "model", "is still writing to %s …", p.first())
	if err := s.converse(ctx, p, p.reply); err != nil {
		return err
	}
	if _, err := s.journal.wait(ctx, patience, p.first()+"'s reply ends the follow-up", func(n note) bool {
		return n.event == eventEnded && n.who == p
	}); err != nil {
		return err
	}
	s.narrator.tell(s.clock.now(), yellow, "model → wagate", "here is the text for %s", p.first())
	s.release()
	const lost = "wagate_followup_claims_lost_total"
	if err := s.eventually(ctx, func(m metrics) []string {
		if n := m.sum(lost); n != 1 {
			return []string{fmt.Sprintf("%s is %d, want 1: the text for %s must be dropped", lost, n, p.first())}
		}
		return nil
	}); err != nil {
		return err
	}
	s.narrator.tell(s.clock.now(), yellow, "wagate", "drops it: the check just before the send sees that %s has replied", p.first())
	return nil
}

// windowsClose is the chapter in which the windows close, a day after the leads wrote. Nobody can
// write free-form text to them then, not even the assistant through the API.
func (s *story) windowsClose(ctx context.Context) error {
	s.narrator.chapter("5. A day after their last message the windows close")
	for _, p := range s.silent() {
		if err := s.until(ctx, s.closes[p]); err != nil {
			return err
		}
		lead, err := s.tenant.lead(ctx, s.book.lead(p))
		if err != nil {
			return err
		}
		if lead.window(p.channel()).Open {
			s.problem("%s's window is still open after %s", p.first(), s.narrator.stamp(s.closes[p]))
			continue
		}
		s.narrator.tell(s.clock.now(), plain, "wagate", "GET /backend/leads/…: %s's window is closed", p.first())
	}
	p := s.silent()[0]
	before := s.calls()
	_, err := s.assistant.send(ctx, metaNumber, p.phone, "Are you still there?", "by-hand")
	refused, ok := errors.AsType[*sendError](err)
	if !ok || refused.Code != windowClosed || s.calls() != before {
		s.problem("a free-form text into %s's closed window: got %v and %d calls to Meta, want code %d and none",
			p.first(), err, s.calls()-before, windowClosed)
		return nil
	}
	s.narrator.tell(s.clock.now(), blue, "bot → wagate", "tries a free-form text to %s anyway: refused with code %d,", p.first(), windowClosed)
	s.narrator.print(indent("Meta was not even called"))
	return nil
}

// windowClosed is Meta's code for a free-form message into a closed window.
const windowClosed = 131047

// calls counts the requests to send a text that Meta has received, including those that it refused.
// It does not count templates, because that of the last step may come at any time.
func (s *story) calls() int {
	n := 0
	for _, r := range s.graph.Requests() {
		var message struct{ Type string }
		if r.Method == http.MethodPost && json.Unmarshal(r.Body, &message) == nil && message.Type == kindText {
			n++
		}
	}
	return n
}

// templates is the chapter in which only an approved template may be sent, because the windows are
// closed.
func (s *story) templates(ctx context.Context) error {
	s.narrator.chapter("6. Now only an approved template may be sent, so the last follow-up is one")
	for _, p := range s.silent() {
		if err := s.step(ctx, p, 3, aDay); err != nil {
			return err
		}
		if _, err := s.journal.wait(ctx, patience, "the end of "+p.first()+"'s follow-up", func(n note) bool {
			return n.event == eventEnded && n.who == p
		}); err != nil {
			return err
		}
	}
	if err := s.graph.WaitIdle(ctx); err != nil { // until all receipts have been delivered
		return err
	}
	return s.gupshup.WaitIdle(ctx)
}
