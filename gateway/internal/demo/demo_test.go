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
		// fasthttp updates the date of its answers for as long as the process lives, and cleans up
		// its workers up to ten seconds after they end.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}

// tape records what is written to it, the story or the errors logged.
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

// errorsTo returns a logger that writes errors only.
func errorsTo(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError}))
}

// TestDemoTellsTheStory: the story is complete and tells keyLines in their order. It has no phone
// numbers and no colours, and no error is logged.
func TestDemoTellsTheStory(t *testing.T) {
	t.Parallel()
	var out, errs tape
	if err := Run(t.Context(), true, &out, errorsTo(&errs)); err != nil {
		t.Fatalf("got error %v, want the story complete; it was:\n%s", err, out.String())
	}
	told := out.String()
	for rest, i := told, 0; i < len(keyLines); i++ {
		at := strings.Index(rest, keyLines[i])
		if at < 0 {
			t.Fatalf("got no %q after %q in:\n%s", keyLines[i], keyLines[max(i-1, 0)], told)
		}
		rest = rest[at:]
	}
	// Not one of keyLines: on a busy machine it may come before the refusal.
	if template := "template reengagement_v1: “Hi "; !strings.Contains(told, template) {
		t.Errorf("got no %q in:\n%s", template, told)
	}
	for _, p := range newCast() {
		if strings.Contains(told, p.phone) {
			t.Errorf("got %s's phone in the story, want it masked", p.first())
		}
		for _, never := range p.nudges {
			if p.reply != "" && strings.Contains(told, never) {
				t.Errorf("got %q in the story, want it never sent", never)
			}
		}
	}
	if strings.Contains(told, "\x1b") {
		t.Error("got colours, want none, as the output is not a terminal")
	}
	if errs.String() != "" {
		t.Errorf("got errors logged, want none:\n%s", errs.String())
	}
}

// keyLines are texts that the story must have, in this order.
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

// TestDemoTellsWhatWentWrong: the story tells each thing that went wrong in a sentence of its own,
// and the demo fails.
func TestDemoTellsWhatWentWrong(t *testing.T) {
	t.Parallel()
	meddle := func(w *world) {
		w.gupshup.Script(providertest.Fault{}, providertest.GupshupBadNumber()) // the answer is accepted, the nudge refused
		w.graph.OnSend(func(s providertest.GraphSend) *providertest.Fault {
			switch {
			case s.Text == w.book.people[0].nudges[0]: // accepted in the answer, but not sent
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
		t.Error("got the story called complete, want it not to be")
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// TestDemoInterrupted: an interrupt ends the story. That is a failure with -once, which waits for
// the story's end, and none without it.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	for name, once := range map[string]bool{"once": true, "until interrupted": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			out := &tripwire{on: "“quote sent”\n", do: cancel}
			err := Run(ctx, once, out, slog.New(slog.DiscardHandler))
			if (err != nil) != once || err != nil && err.Error() != "interrupted before the story was complete" {
				t.Errorf("got error %v, want an error: %t", err, once)
			}
			if strings.Contains(out.String(), "\n4. ") {
				t.Errorf("got the story told on after the interrupt:\n%s", out.String())
			}
		})
	}
}

// TestDemoOnBusyMachine: if a window closes before all that should happen in it has happened, the
// story starts again from the beginning with a slower clock.
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
		t.Errorf("got story\n%s\nwant it told up to part 2, and not that it did not go as it should", got)
	}
}

// tripwire is a tape that calls do the first time that it is written a text with on in it.
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
