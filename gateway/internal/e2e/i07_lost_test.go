package e2e

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"wagate/providers/providertest"
)

// TestI7RedisRestarts kills Redis while one step is armed, one waits for the model and one waits
// for the provider's answer. No step may be lost, and none may be sent twice.
func TestI7RedisRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{speed: minutesASecond})
	p := w.start()
	p.configure(nudge("PT30M"), nudge("PT30M"))
	const sending, writing, armed = "34600700100", "34600700101", "34600700102"
	answered := make(chan struct{})
	w.graph.ScriptFor(sending, providertest.Fault{Hang: true, Release: answered})
	leads := map[string]lead{sending: p.follow(sending)}
	receive(t, "request at the model", w.model.Arrived())
	untilTrue(t, "handed to Graph", func() bool { return w.handed(sending) == 1 })
	release := w.hold()
	leads[writing] = p.follow(writing)
	receive(t, "request at the model", w.model.Arrived())
	leads[armed] = p.follow(armed)

	w.redis.Kill()
	close(answered) // so that recording the result has to wait for Redis
	release()
	w.redis.Restart()
	for phone, l := range leads {
		p.untilRun(l.ID, "ended completed 1:sent/ai 2:sent/ai")
		if n := w.handed(phone); n != 2 {
			t.Errorf("messages to %s: got %d, want 2", phone, n)
		}
	}
}

// TestI7EverybodyRestarts: a step that was armed before wagate and Redis went down is sent after
// they are up again, and not before it is due.
func TestI7EverybodyRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, writingSetup())
	p := w.start()
	p.configure(nudge("PT30M"))
	const phone = "34600700200"
	release := w.hold() // in case the step is due before the kill
	l := p.follow(phone)
	due := *p.run(l.ID).Timeline[0].DueAt
	p.kill()
	release()
	w.useDefaultTimeouts()
	w.redis.Kill()
	w.redis.Restart()
	p = w.start()
	r := p.untilRun(l.ID, "ended completed 1:sent/ai")
	if got := *r.Timeline[0].DueAt; !got.Equal(due) || r.Timeline[0].At.Before(due) {
		t.Errorf("step: got due at %v and sent at %v, want due at %v", got, r.Timeline[0].At, due)
	}
}

// TestI7TooLate: a step that became due too long ago is skipped with that reason, and not
// forgotten.
func TestI7TooLate(t *testing.T) {
	t.Parallel()
	s := writingSetup()
	s.speed, s.file = 7200, func(f object) { f["followup"] = object{"max_lateness": "1h"} }
	w := newWorld(t, s)
	p := w.start()
	p.configure(nudge("PT30M"))
	const phone = "34600700300"
	release := w.hold() // in case the step is due before the kill
	began := time.Now()
	l := p.follow(phone)
	p.kill()
	release()
	w.useDefaultTimeouts()
	// At this speed half an hour and the hour of lateness after it are less than a second.
	untilTrue(t, "late", func() bool { return time.Since(began) > time.Second })
	p = w.start()
	p.untilRun(l.ID, "ended completed 1:skipped/too_late")
	if n := w.handed(phone); n != 0 {
		t.Errorf("messages: got %d, want none", n)
	}
}

// TestI7GracefulStop asks the process to stop in each state of a step. The process must finish what
// it can, give back the rest and exit with 0. Nothing may be uncertain, and the next process does
// what is left.
func TestI7GracefulStop(t *testing.T) {
	t.Parallel()
	t.Run("armed", func(t *testing.T) {
		t.Parallel()
		w, p := stopWorld(t, setup{speed: minutesASecond})
		l := p.follow(stopPhone)
		stopCleanly(t, p)
		p = w.start()
		p.untilRun(l.ID, "ended completed 1:sent/ai")
		wantOneMessage(t, w)
	})
	t.Run("writing, done in time", func(t *testing.T) {
		t.Parallel()
		w, p := stopWorld(t, setup{speed: minutesASecond})
		release := w.hold()
		l := p.follow(stopPhone)
		receive(t, "request at the model", w.model.Arrived())
		p.term()
		untilTrue(t, "stopping", func() bool { return strings.Contains(p.log.String(), "step=requests") })
		release()
		if code := p.exit(); code != 0 {
			t.Errorf("exit code: got %d, want 0", code)
		}
		wantOneMessage(t, w) // sent by the process that was stopping
		w.start().untilRun(l.ID, "ended completed 1:sent/ai")
		wantOneMessage(t, w)
	})
	t.Run("writing, not done in time", func(t *testing.T) {
		t.Parallel()
		// The model takes longer than a stop waits. The step is given back, so the next process
		// does not have to wait until its lease ends, which here takes minutes.
		w, p := stopWorld(t, setup{speed: minutesASecond})
		release := w.hold()
		l := p.follow(stopPhone)
		receive(t, "request at the model", w.model.Arrived())
		stopCleanly(t, p)
		if n := w.handed(stopPhone); n != 0 {
			t.Errorf("messages: got %d, want none yet", n)
		}
		release()
		w.start().untilRun(l.ID, "ended completed 1:sent/ai")
		wantOneMessage(t, w)
	})
	t.Run("sending", func(t *testing.T) {
		t.Parallel()
		held := make(chan struct{})
		w, p := stopWorld(t, setup{speed: minutesASecond})
		w.graph.ScriptFor(stopPhone, providertest.Fault{Hang: true, Release: held})
		l := p.follow(stopPhone)
		untilTrue(t, "handed to Graph", func() bool { return w.handed(stopPhone) == 1 })
		p.term()
		untilTrue(t, "stopping", func() bool { return strings.Contains(p.log.String(), "step=requests") })
		close(held)
		if code := p.exit(); code != 0 {
			t.Errorf("exit code: got %d, want 0", code)
		}
		w.start().untilRun(l.ID, "ended completed 1:sent/ai")
		wantOneMessage(t, w)
	})
	for name, signals := range map[string][]os.Signal{
		"SIGTERM twice": {syscall.SIGTERM, syscall.SIGTERM},
		"SIGHUP twice":  {syscall.SIGHUP, syscall.SIGHUP},
		"three signals": {syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			held := make(chan struct{})
			w, p := stopWorld(t, setup{speed: minutesASecond})
			w.graph.ScriptFor(stopPhone, providertest.Fault{Hang: true, Release: held})
			l := p.follow(stopPhone)
			untilTrue(t, "handed to Graph", func() bool { return w.handed(stopPhone) == 1 })
			for _, s := range signals {
				p.signal(s)
				untilTrue(t, "stopping", func() bool { return strings.Contains(p.log.String(), "step=requests") })
			}
			close(held)
			if code := p.exit(); code != 0 {
				t.Errorf("exit code: got %d, want 0", code)
			}
			w.start().untilRun(l.ID, "ended completed 1:sent/ai")
			wantOneMessage(t, w)
		})
	}
	t.Run("second Ctrl-C", func(t *testing.T) {
		t.Parallel()
		w, p := stopWorld(t, setup{speed: minutesASecond})
		w.graph.ScriptFor(stopPhone, providertest.Fault{Hang: true})
		p.follow(stopPhone)
		untilTrue(t, "handed to Graph", func() bool { return w.handed(stopPhone) == 1 })
		p.signal(os.Interrupt)
		untilTrue(t, "stopping", func() bool { return strings.Contains(p.log.String(), "step=requests") })
		p.signal(os.Interrupt)
		if code := p.exit(); code != -1 {
			t.Errorf("exit code after a second Ctrl-C: got %d, want -1: killed by the signal", code)
		}
	})
	t.Run("answering", func(t *testing.T) {
		t.Parallel()
		held := make(chan struct{})
		w := newWorld(t, setup{})
		p := w.start()
		w.says(user(stopPhone), "hello")
		w.graph.ScriptFor(stopPhone, providertest.Fault{Hang: true, Release: held})
		answered := make(chan answer, 1)
		go func() { answered <- p.api(http.MethodPost, "/v26.0/"+numberAcme+"/messages", text(stopPhone, "Hello")) }()
		untilTrue(t, "handed to Graph", func() bool { return w.handed(stopPhone) == 1 })
		p.term()
		until(t, func() error {
			if a := p.get(p.admin+"/readyz", ""); a.status != http.StatusServiceUnavailable {
				return mismatch("readiness", a.status, http.StatusServiceUnavailable)
			}
			return nil
		})
		close(held)
		if id, want := sentID(receive(t, "answer", answered).want(200)), w.sentTo(stopPhone)[0].ID; id != want {
			t.Errorf("answer: got id %q, want %q", id, want)
		}
		if code := p.exit(); code != 0 {
			t.Errorf("exit code: got %d, want 0", code)
		}
	})
	t.Run("relaying", func(t *testing.T) {
		t.Parallel()
		held := make(chan struct{})
		w := newWorld(t, setup{})
		p := w.start()
		w.sales.on(func(delivery) reply { return reply{hold: held} })
		w.says(user(stopPhone), "hello")
		untilTrue(t, "the delivery at the assistant", func() bool { return len(w.sales.attempts()) == 1 })
		p.term()
		untilTrue(t, "stopping", func() bool { return strings.Contains(p.log.String(), "step=requests") })
		close(held)
		if code := p.exit(); code != 0 {
			t.Errorf("exit code: got %d, want 0", code)
		}
		w.start()
		w.says(user(stopPhone), "again")
		untilTrue(t, "both messages relayed", func() bool { return len(w.sales.texts(stopPhone)) == 2 })
		if n := len(w.sales.attempts()); n != 2 {
			t.Errorf("deliveries: got %d, want 2", n)
		}
	})
}

// stopPhone is the lead of the tests of stopping.
const stopPhone = "34600700400"

// stopWorld starts a process with a configuration of one step.
func stopWorld(t *testing.T, s setup) (*world, *process) {
	t.Helper()
	w := newWorld(t, s)
	p := w.start()
	p.configure(nudge("PT30M"))
	return w, p
}

// stopCleanly asks the process to stop and checks that it exits with 0.
func stopCleanly(t *testing.T, p *process) {
	t.Helper()
	p.term()
	if code := p.exit(); code != 0 {
		t.Errorf("exit code: got %d, want 0\n%s", code, tail(p.log.String(), 15))
	}
}

// wantOneMessage checks that exactly one message to stopPhone was handed to the provider.
func wantOneMessage(t *testing.T, w *world) {
	t.Helper()
	if n := w.handed(stopPhone); n != 1 {
		t.Errorf("messages: got %d, want 1", n)
	}
}
