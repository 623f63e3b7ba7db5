package e2e

import (
	"fmt"
	"testing"
	"time"

	"wagate/providers/providertest"
)

// writingSetup has a clock and time-outs with which a step stays claimed for about 32 s, and
// sendingSetup ones with which it stays in sending for about 35 s. A time-out of the model or of
// the provider is as long as the test has to kill a process in that state.
func writingSetup() setup {
	return setup{speed: minutesASecond, ai: 4 * time.Second, send: 2 * time.Second}
}
func sendingSetup() setup { return setup{speed: minutesASecond, send: 8 * time.Second} }

// acceptAndHang returns the fault of a provider that accepts a message and never answers.
func acceptAndHang() providertest.Fault { return providertest.Fault{Accept: true, Hang: true} }

// TestI6KillBeforeTheGuard kills the process while the model has the requests of sixteen steps, and
// one more step is claimed and waits for its turn at the model. All of them must be sent once after
// the restart.
func TestI6KillBeforeTheGuard(t *testing.T) {
	t.Parallel()
	s := writingSetup()
	s.ai = 8 * time.Second
	w := newWorld(t, s)
	p := w.start()
	p.configure(nudge("PT30M"))
	const writers = 16 // how many requests wagate makes to the model at once
	release := w.hold()
	var leads []lead
	for i := range writers + 1 {
		phone := fmt.Sprintf("346006001%02d", i)
		w.says(user(phone), "How much is the bench?")
		leads = append(leads, p.leadOf(phone))
	}
	for _, l := range leads {
		p.status(l.ID, hot)
	}
	for range writers {
		receive(t, "request at the model", w.model.Arrived())
	}
	for _, l := range leads {
		until(t, func() error {
			if r := p.run(l.ID); r.State != "claimed" {
				return mismatch("run", r, "claimed")
			}
			return nil
		})
	}
	p.kill()
	release()
	w.useDefaultTimeouts()
	p = w.start()
	for i, l := range leads {
		p.untilRun(l.ID, "ended completed 1:sent/ai")
		if n := w.handed(fmt.Sprintf("346006001%02d", i)); n != 1 {
			t.Errorf("messages to lead %d: got %d, want 1", i, n)
		}
	}
}

// TestI6KillWhileSending kills the process while the provider has the message and has not answered.
// The message must never be sent again, whether it left or not. Its outcome is unknown until a
// receipt tells it, and the ladder goes on.
func TestI6KillWhileSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sendingSetup())
	p := w.start()
	p.configure(nudge("PT30M"), nudge("PT30M"))
	const taken, lost, failed = "34600600200", "34600600201", "34600600202"
	w.graph.ScriptFor(taken, acceptAndHang())
	w.graph.ScriptFor(lost, providertest.Fault{Hang: true})
	w.graph.ScriptFor(failed, acceptAndHang())
	leads := map[string]lead{}
	for _, phone := range []string{taken, lost, failed} {
		leads[phone] = p.follow(phone)
	}
	for phone := range leads {
		untilTrue(t, "handed to Graph", func() bool { return w.handed(phone) == 1 })
	}
	for _, l := range leads {
		if r := p.run(l.ID); r.State != "sending" {
			t.Errorf("run: got %v, want sending", r)
		}
	}
	p.kill()
	w.useDefaultTimeouts()
	p = w.start()
	for _, l := range leads {
		p.untilRun(l.ID, "ended completed 1:uncertain/crash 2:sent/ai")
	}
	for phone, want := range map[string]int{taken: 2, lost: 1, failed: 2} {
		if got := len(w.sentTo(phone)); got != want {
			t.Errorf("messages that reached %s: got %d, want %d", phone, got, want)
		}
		if got := w.handed(phone); got != 2 {
			t.Errorf("messages handed to Graph for %s: got %d, want 2", phone, got)
		}
	}
	first := w.sentTo(taken)[0]
	if err := w.graph.Status(t.Context(), providertest.GraphStatus{ID: first.ID, State: "delivered"}); err != nil {
		t.Fatal(err)
	}
	p.untilRun(leads[taken].ID, "ended completed 1:uncertain/crash→sent 2:sent/ai")
	first = w.sentTo(failed)[0]
	if err := w.graph.Status(t.Context(), providertest.GraphStatus{ID: first.ID, State: "failed", Code: 131026}); err != nil {
		t.Fatal(err)
	}
	p.untilRun(leads[failed].ID, "ended completed 1:uncertain/crash→failed 2:sent/ai")
	for phone, want := range map[string]string{taken: "1 sent ai", failed: "1 failed undeliverable"} {
		until(t, func() error {
			told := w.sales.happenings(leads[phone].ID)
			for _, h := range told {
				if h.Event == "settled" && fmt.Sprint(h.Step, " ", h.Outcome, " ", h.Reason) == want {
					return nil
				}
			}
			return mismatch("happenings", told, "settled: "+want)
		})
	}
}

// TestI6ReceiptBeforeTheRestart: the receipt of a message may come before anybody has noticed that
// the process that sent it is dead. The step is then sent, or uncertain and settled, and is never
// sent again.
func TestI6ReceiptBeforeTheRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sendingSetup())
	p := w.start()
	p.configure(nudge("PT30M"))
	const phone = "34600600300"
	w.graph.ScriptFor(phone, acceptAndHang())
	l := p.follow(phone)
	untilTrue(t, "accepted", func() bool { return len(w.sentTo(phone)) == 1 })
	p.kill()
	w.useDefaultTimeouts()
	p = w.start()
	if err := w.graph.Status(t.Context(), providertest.GraphStatus{ID: w.sentTo(phone)[0].ID, State: "delivered"}); err != nil {
		t.Fatal(err)
	}
	until(t, func() error {
		r := p.run(l.ID)
		if got := r.String(); got != "ended completed 1:sent/ai" && got != "ended completed 1:uncertain/crash→sent" {
			return mismatch("run", r, "sent, or uncertain and settled")
		}
		return nil
	})
	if n := w.handed(phone); n != 1 {
		t.Errorf("messages: got %d, want 1", n)
	}
}

// TestI6KillAfterTheAnswer kills the process at the moment when the provider answers, several
// times. Whether the result was recorded is a matter of chance, but the message must never be sent
// twice or recorded as not sent.
func TestI6KillAfterTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sendingSetup())
	p := w.start()
	p.configure(nudge("PT30M"))
	var leads []lead
	const rounds = 4
	for i := range rounds {
		phone := fmt.Sprintf("3460060040%d", i)
		leads = append(leads, p.follow(phone))
		untilTrue(t, "accepted", func() bool { return len(w.sentTo(phone)) == 1 })
		p.kill()
		p = w.start()
	}
	for i, l := range leads {
		until(t, func() error {
			r := p.run(l.ID)
			if got := r.String(); got != "ended completed 1:sent/ai" && got != "ended completed 1:uncertain/crash" {
				return mismatch("run", r, "sent or uncertain")
			}
			return nil
		})
		if n := w.handed(fmt.Sprintf("3460060040%d", i)); n != 1 {
			t.Errorf("messages of round %d: got %d, want 1", i, n)
		}
	}
}

// TestI6UnknownOutcomeIsNotRetried: a send whose result is unknown is not retried, also if no
// process dies.
func TestI6UnknownOutcomeIsNotRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sendingSetup())
	p := w.start()
	p.configure(nudge("PT30M"))
	faults := map[string]providertest.Fault{
		"34600600500": acceptAndHang(),
		"34600600501": {Accept: true, Reset: true},
		"34600600502": {Status: 502, Body: "<html>bad gateway</html>"},
		"34600600503": {Code: 131000, Status: 500},
	}
	leads := map[string]lead{}
	for phone, f := range faults {
		w.graph.ScriptFor(phone, f)
		leads[phone] = p.follow(phone)
	}
	for phone, l := range leads {
		p.untilRun(l.ID, "ended completed 1:uncertain/no_answer")
		if n := w.handed(phone); n != 1 {
			t.Errorf("messages to %s: got %d, want 1", phone, n)
		}
	}
}

// TestI6FrozenProcess freezes a process that waits for the model until another process has claimed
// its step, and then lets it go on. The first process must notice that the step is not its own any
// more, and send nothing.
func TestI6FrozenProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, writingSetup())
	first := w.start()
	first.configure(nudge("PT30M"))
	const phone = "34600600600"
	w.hold()
	l := first.follow(phone)
	receive(t, "request at the model", w.model.Arrived())
	first.freeze()
	w.useDefaultTimeouts() // so that the second process still waits when the first wakes up
	second := w.start()
	release := w.hold()
	receive(t, "request of the second process", w.model.Arrived())
	w.pass()
	first.thaw()
	untilTrue(t, "the lost claim noticed", func() bool { return first.metric("wagate_followup_claims_lost_total") == 1 })
	release()
	second.untilRun(l.ID, "ended completed 1:sent/ai")
	if n := w.handed(phone); n != 1 {
		t.Errorf("messages: got %d, want 1", n)
	}
}
