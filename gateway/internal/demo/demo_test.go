package demo

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wagate/providers/providertest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp keeps the date of answers for the life of the process, and looks
		// after its workers up to ten seconds longer than they live.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}

// tape records what is told, and by how much it logs at error.
type tape struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tape) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Write(p)
}

func (t *tape) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

func errorsTo(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError}))
}

// The story is complete, tells what a newcomer should see in this order, and
// neither phones nor colours nor errors are in it.
func TestDemoTellsTheStory(t *testing.T) {
	t.Parallel()
	var out, errs tape
	if err := Run(t.Context(), true, &out, errorsTo(&errs)); err != nil {
		t.Fatalf("got %v, want the story complete; it went:\n%s", err, out.String())
	}
	told := out.String()
	for rest, i := told, 0; i < len(keyLines); i++ {
		at := strings.Index(rest, keyLines[i])
		if at < 0 {
			t.Fatalf("got no %q after %q in:\n%s", keyLines[i], keyLines[max(i-1, 0)], told)
		}
		rest = rest[at:]
	}
	if template := "template reengagement_v1: “Hi "; !strings.Contains(told, template) { // on a busy machine before the refusal is told
		t.Errorf("got no %q in:\n%s", template, told)
	}
	for _, p := range newCast() {
		if strings.Contains(told, p.phone) {
			t.Errorf("got %s's phone in the story, want it masked", p.first())
		}
		for _, never := range p.nudges {
			if p.reply != "" && strings.Contains(told, never) {
				t.Errorf("got %q told, want it never sent", never)
			}
		}
	}
	if strings.Contains(told, "\x1b") {
		t.Error("got colours, want none: the output is no terminal")
	}
	if errs.String() != "" {
		t.Errorf("got errors logged, want none:\n%s", errs.String())
	}
}

// keyLines are what the story must tell, in this order.
var keyLines = []string{
	"1 day  later: the approved template reengagement_v1",
	"Ana (Meta)       writes:", "window open until day 2",
	"Bruno (Gupshup)  writes:", "Gupshup → Bruno",
	"three windows are open",
	"CRM              PUT /backend/leads/…: Ana's status",
	"Meta → Ana       “Hi Ana, is anything in the quote unclear?",
	"Carla (Meta)     writes: “We have talked about it",
	"drops it: the check just before the send sees that Carla has replied",
	"Bruno's window is closed",
	"refused with code 131047",
	"What was sent, what was not, and why",
	"Ana +…0101    Meta     3", "sent (template)",
	"Bruno +…0102  Gupshup  1", "sent (ai)",
	"Carla +…0103  Meta     1", "cancelled (replied)  nothing",
	`wagate_followup_steps_total{outcome="sent",reason="ai"}`,
	"✓ AI after 30 min", "The story is complete.",
}

// What does not go as it should is told in a sentence each, and fails the demo.
func TestDemoTellsWhatWentWrong(t *testing.T) {
	t.Parallel()
	meddle := func(w *world) {
		w.gupshup.Script(providertest.Fault{}, providertest.GupshupBadNumber()) // the answer goes, the nudge does not
		w.graph.OnSend(func(s providertest.GraphSend) *providertest.Fault {
			switch {
			case s.Text == w.book.people[0].nudges[0]: // said to be sent, and is not
				return &providertest.Fault{Status: 200, Body: `{"messages":[{"id":"wamid.NEVERSENT"}]}`}
			case s.Type == kindTemplate:
				return &providertest.Fault{Code: 132001, Details: "The template was deleted."}
			}
			return nil
		})
	}
	var out tape
	err := play(t.Context(), part{once: true, out: &out, log: slog.New(slog.DiscardHandler), meddle: meddle})
	const first = "Ana's step 1: wagate says sent, but Meta has no such message"
	if err == nil || !strings.Contains(err.Error(), first) {
		t.Errorf("got error %v, want %q in it", err, first)
	}
	for _, want := range []string{
		"✗ The story did not go as it should:", first,
		"Ana's step 3 on Meta: got failed (template_rejected), want sent (template)",
		"Bruno's step 1 on Gupshup: got failed", "the metrics tell another story",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got no %q in the story", want)
		}
	}
	if strings.Contains(out.String(), "The story is complete") {
		t.Error("got the story called complete, want it called otherwise")
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// An interrupt ends the story: a failure for who waits for its end, and none
// for who plays.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	for name, once := range map[string]bool{"once": true, "living on": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			out := &tripwire{on: "“quote sent”\n", do: cancel}
			err := Run(ctx, once, out, slog.New(slog.DiscardHandler))
			if (err != nil) != once || err != nil && err.Error() != "interrupted before the story was complete" {
				t.Errorf("got error %v, want one: %t", err, once)
			}
			if strings.Contains(out.String(), "\n4. ") {
				t.Errorf("got it told on after the interrupt:\n%s", out.String())
			}
		})
	}
}

// A machine on which a window closes before what was to happen in it has happened
// gets the story from the beginning, with a slower clock.
func TestDemoOnBusyMachine(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out := &tripwire{on: "a day passes in 24 seconds", do: cancel}
	stalls := 1
	err := play(ctx, part{once: true, out: out, log: slog.New(slog.DiscardHandler), meddle: func(w *world) {
		if stalls--; stalls == 0 {
			w.clock.follow(func() time.Time { return w.gateway.Now().Add(aDay) })
		}
	}})
	if err == nil || err.Error() != "interrupted before the story was complete" {
		t.Errorf("got error %v, want the second try to be interrupted", err)
	}
	if got := out.String(); !strings.Contains(got, "\n2. ") || strings.Contains(got, "\n3. ") || strings.Contains(got, "as it should") {
		t.Errorf("got told, want no more of it than the windows that had closed:\n%s", got)
	}
}

// tripwire does something once it has read a text.
type tripwire struct {
	tape
	on   string
	do   func()
	done sync.Once
}

func (t *tripwire) Write(p []byte) (int, error) {
	if n, err := t.tape.Write(p); err != nil {
		return n, err
	}
	if strings.Contains(string(p), t.on) {
		t.done.Do(t.do)
	}
	return len(p), nil
}
