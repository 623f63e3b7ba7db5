package e2e

import (
	"fmt"
	"testing"

	"wagate/providers/providertest"
)

// minutesASecond is the clock speed for tests in which steps must be due soon and windows must stay
// open for long: half an hour takes two seconds, a day takes 96.
const minutesASecond = 900

// TestI5ReplyWhileTheModelWrites: leads reply at one process while another process waits for the
// model. None of them is sent anything, in whichever way they replied. The lead that did not reply
// gets both messages.
func TestI5ReplyWhileTheModelWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{speed: minutesASecond})
	first := w.start()
	first.configure(nudge("PT30M"), nudge("PT30M"))
	release := w.hold()

	const silent = "34600500100"
	hidden := providertest.GraphUser{Phone: "34600500105", UserID: "ES.600500105", Name: "Ada Prado"}
	replies := map[string]func(phone, ours string){
		"34600500101": func(phone, _ string) { w.says(user(phone), "Yes, please") },
		"34600500102": func(phone, _ string) { w.saysGupshup(phone, "Yes, by the other number") },
		"34600500103": func(phone, ours string) {
			w.inbound(providertest.GraphReaction(user(phone), ours, "👍"))
		},
		"34600500104": func(phone, ours string) { w.inbound(providertest.GraphButton(user(phone), ours, "Yes")) },
		hidden.Phone: func(string, string) {
			w.says(providertest.GraphUser{UserID: hidden.UserID, Name: hidden.Name}, "Yes, without a number")
		},
		"34600500106": func(phone, _ string) {
			w.inbound(providertest.GraphInbound{From: user(phone), Type: "hologram", Object: object{"beam": 1}})
		},
	}
	leads := map[string]lead{silent: first.follow(silent)}
	w.says(hidden, "How much is the bench?") // tells that phone and BSUID are one contact
	for phone := range replies {
		leads[phone] = first.follow(phone)
	}
	for range leads {
		receive(t, "request at the model", w.model.Arrived())
	}
	w.start() // the providers call this process from now on
	for phone, reply := range replies {
		reply(phone, "wamid.OURS"+phone)
	}
	release()
	for phone := range replies {
		first.untilRun(leads[phone].ID, "ended replied 1:cancelled/replied")
	}
	first.untilRun(leads[silent].ID, "ended completed 1:sent/ai 2:sent/ai")
	for phone := range replies {
		if n := w.handed(phone) + len(w.sentByGupshup(phone)); n != 0 {
			t.Errorf("messages after the reply of %s: got %d, want none", phone, n)
		}
	}
	if n := len(w.sentTo(silent)); n != 2 {
		t.Errorf("messages to the silent lead: got %d, want 2", n)
	}
}

// inbound posts messages of users to Acme's Meta channel.
func (w *world) inbound(in ...providertest.GraphInbound) {
	w.t.Helper()
	if _, err := w.graph.Inbound(w.t.Context(), in...); err != nil {
		w.t.Fatalf("inbound: %v", err)
	}
}

// TestI5ReplyWhileArmed: a reply before the step is claimed ends the run as well, and the next
// trigger starts a new run.
func TestI5ReplyWhileArmed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{speed: minutesASecond})
	p := w.start()
	p.configure(nudge("PT30M"))
	const phone = "34600500200"
	release := w.hold() // in case the step is due before the reply
	l := p.follow(phone)
	w.says(user(phone), "Yes, please")
	p.untilRun(l.ID, "ended replied 1:cancelled/replied")
	release()
	p.status(l.ID, hot) // the same status triggers nothing
	if n := len(p.runs(l.ID)); n != 1 {
		t.Errorf("runs: got %d, want 1", n)
	}
	p.status(l.ID, warm)
	until(t, func() error {
		if got := fmt.Sprint(p.runs(l.ID)); got != "[ended completed 1:sent/ai ended replied 1:cancelled/replied]" {
			return mismatch("runs", got, "a second run, with its message sent")
		}
		return nil
	})
	if n := len(w.sentTo(phone)); n != 1 {
		t.Errorf("messages: got %d, want 1", n)
	}
}

// TestI5ReplyWhileSending: a reply that comes while the provider has the message stops the steps
// behind it. The message is still recorded as sent.
func TestI5ReplyWhileSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{speed: minutesASecond})
	p := w.start()
	p.configure(nudge("PT30M"), nudge("PT30M"))
	const phone, other = "34600500300", "34600500301"
	held := make(chan struct{})
	w.graph.ScriptFor(phone, providertest.Fault{Hang: true, Release: held})
	l := p.follow(phone)
	untilTrue(t, "handed to Graph", func() bool { return w.handed(phone) == 1 })
	w.says(user(phone), "Yes, please")
	close(held)
	p.untilRun(l.ID, "ended replied 1:sent/ai")
	// A lead that is followed up afterwards gets both messages, so the time of the second step has
	// passed.
	p.untilRun(p.follow(other).ID, "ended completed 1:sent/ai 2:sent/ai")
	if n := w.handed(phone); n != 1 {
		t.Errorf("messages: got %d, want 1", n)
	}
}

// TestI5AssistantSpeaksFirst: a message of the assistant starts the wait again, even for a step
// whose text is being written.
func TestI5AssistantSpeaksFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{speed: minutesASecond})
	p := w.start()
	p.configure(nudge("PT30M"))
	const phone = "34600500400"
	release := w.hold()
	l := p.follow(phone)
	receive(t, "request at the model", w.model.Arrived())
	p.api("POST", "/v26.0/"+numberAcme+"/messages", text(phone, "About your bench: it is in stock")).want(200)
	release()
	r := p.untilRun(l.ID, "ended completed 1:sent/ai")
	all := w.sentTo(phone)
	if len(all) != 2 || all[0].Text != "About your bench: it is in stock" {
		t.Fatalf("messages: got %+v, want the assistant's message and then the nudge", all)
	}
	if wait := r.Timeline[0].At.Sub(r.StartedAt); wait < 3600e9 {
		t.Errorf("nudge: got it %v after the trigger, want a second half hour after the first one", wait)
	}
}
