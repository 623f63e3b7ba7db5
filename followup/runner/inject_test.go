package runner_test

import (
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// phase is how far the step has come at a point. It decides what an event at
// that point can still change.
type phase int

const (
	before  phase = iota // the guard was not asked: nothing may be sent from here on
	between              // a call was made and sent nothing: nothing may be sent from here on
	after                // the guard allowed it: it is sent, and nothing after it
)

// point is a place on the first step's way where an event can be made to happen.
type point struct {
	name  string
	phase phase
	// released says that an event at this point ends the run inside ReleaseStep, which
	// does not report the end.
	released bool
	at       func(h *harness, happens hook)
}

// points are all points between the arming and the finish of a step.
var points = []point{
	{"armed", before, false, func(_ *harness, happens hook) { time.AfterFunc(29*minutes, happens) }},
	{"claimed", before, false, func(h *harness, happens hook) { h.store.claimed = happens }},
	{"deciding", before, false, func(h *harness, happens hook) { h.templates.asked = happens }},
	{"model writes", before, false, func(h *harness, happens hook) { h.writer.writing = happens }},
	{"text rendered", before, false, func(h *harness, happens hook) { h.sender.rendered = happens }},
	{"waiting for pacing", before, false, func(h *harness, happens hook) { h.sender.pacing = happens }},
	{"waiting for room in the pacing", before, false, func(h *harness, happens hook) {
		h.fullUntil(31 * minutes)
		time.AfterFunc(30*minutes+20*time.Second, happens)
	}},
	{"right before the guard", before, false, func(h *harness, happens hook) { h.sender.fencing = happens }},
	{"between guard and call", after, false, func(h *harness, happens hook) { h.sender.fenced = happens }},
	{"during the wait for a retry", between, false, func(h *harness, happens hook) {
		h.sender.answers(notSent, notSent)
		h.sender.retrying = happens
	}},
	{"after the last try sent nothing", between, true, func(h *harness, happens hook) {
		h.sender.answers(notSent, notSent, notSent)
		h.sender.gaveUp = happens
	}},
	{"put off", between, false, func(h *harness, happens hook) {
		h.sender.answers(notSent, notSent, notSent)
		h.sender.gaveUp = func() { time.AfterFunc(30*time.Second, happens) }
	}},
	{"after the call", after, false, func(h *harness, happens hook) { h.sender.answered = happens }},
	{"finishing", after, false, func(h *harness, happens hook) { h.store.finishing = happens }},
	{"finishing, while the store is away", after, false, func(h *harness, happens hook) {
		h.store.finishes.set(3)
		h.store.finishing = happens
	}},
}

// quick is a ladder with short waits.
var quick = []followup.Step{
	{Interval: "PT30M", Prompt: "one"},
	{Interval: "PT30M", Prompt: "two"},
	{Interval: "PT2H", TemplateName: "come_back", TemplateLanguage: "pt_BR"},
}

// notSent is an error after which nothing can have been sent.
var notSent = &providers.Error{Kind: providers.Transient, Status: 503, Code: 131016, Retryable: true}

// atEveryPoint runs a ladder once for each point, and calls happens at that point of the first
// step. check then gets the run and the time of the event.
func atEveryPoint(t *testing.T, happens func(h *harness, lead followup.LeadID), check func(h *harness, p point, run followup.RunID, at time.Time)) {
	t.Helper()
	for _, p := range points {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.writer.took, h.sender.pace = 4*time.Second, 2*time.Second
				h.sender.took, h.sender.pause = time.Second, 2*time.Second
				lead := h.lead(true)
				var at time.Time
				p.at(h, once(func() {
					at = time.Now()
					happens(h, lead)
				}))
				run := h.arm(lead, quick...)
				h.start()
				h.until(28 * minutes)
				h.pass(20 * minutes)
				if at.IsZero() {
					t.Fatal("got the point not passed, want it passed")
				}
				check(h, p, run, at)
			})
		})
	}
}

// wantEnded checks that the event ended the run with this reason, and that
// nothing was sent after it.
func wantEnded(why followup.Reason) func(h *harness, p point, run followup.RunID, at time.Time) {
	return func(h *harness, p point, run followup.RunID, at time.Time) {
		h.pass(80 * minutes)
		if p.phase == after {
			h.wantTimeline(run, "1 ai sent/ai", "ended "+string(why))
			h.equal(accepted(h), 1, "messages sent")
			h.equal(h.run(run).Timeline[0].MessageID, "wamid.1", "message id")
			return
		}
		h.wantTimeline(run, "1 none cancelled/"+string(why), "ended "+string(why))
		h.equal(accepted(h), 0, "messages sent")
		for _, c := range h.sender.log() {
			if c.at.After(at) {
				h.Errorf("provider calls: got one %v after the event, want none", c.at.Sub(at))
			}
		}
		if p.released {
			// ReleaseStep ends the run without telling the caller.
			h.steps.Ended([]followup.Ended{{Run: run, Step: 1, Reason: why}})
		}
	}
}

// accepted returns how many messages the provider accepted.
func accepted(h *harness) int {
	n := 0
	for _, c := range h.sender.log() {
		if c.accepted {
			n++
		}
	}
	return n
}

// Wherever the first step is when the lead replies, nothing is sent after the reply.
func TestI5NothingIsSentAfterAReply(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, (*harness).reply, wantEnded(followup.Replied))
}

// Nothing is sent after the lead leaves the status that triggered the run.
func TestI5NothingIsSentAfterTheStatusWasLeft(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, func(h *harness, lead followup.LeadID) {
		l, err := h.store.Lead(h.Context(), h.tenant, lead)
		if err != nil {
			h.Errorf("Lead: got error %v, want none", err)
		}
		l.StatusID = "elsewhere"
		if _, err := h.store.PutLead(h.Context(), followup.PutLead{Lead: l, StatusChanged: true, Now: time.Now(), Real: time.Now()}); err != nil {
			h.Errorf("PutLead: got error %v, want none", err)
		}
		h.countEnded(lead, followup.StatusLeft)
	}, wantEnded(followup.StatusLeft))
}

// countEnded counts the runs that a store call ended without telling which, as the lead API does.
func (h *harness) countEnded(lead followup.LeadID, why followup.Reason) {
	runs, err := h.store.Runs(h.Context(), h.tenant, lead)
	if err != nil {
		h.Errorf("Runs: got error %v, want none", err)
	}
	for _, r := range runs {
		if r.State == followup.RunEnded && r.Reason == why {
			h.steps.Step(followup.KindNone, followup.Cancelled, why)
		}
	}
}

// Nothing is sent after the lead opts out.
func TestI5NothingIsSentAfterAnOptOut(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, func(h *harness, lead followup.LeadID) {
		out := true
		h.settle(lead, followup.Item{OptOut: &out})
	}, wantEnded(followup.OptedOut))
}

// Nothing is sent after the run is cancelled through the API.
func TestI5NothingIsSentAfterACancel(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, func(h *harness, lead followup.LeadID) {
		ended, err := h.store.Cancel(h.Context(), h.tenant, lead.Run(1), time.Now(), time.Now())
		if err != nil {
			h.Errorf("Cancel: got error %v, want none", err)
		}
		h.steps.Ended(ended)
	}, wantEnded(followup.ByAPI))
}

// Nothing is sent after the config becomes inactive.
func TestI5NothingIsSentAfterTheConfigWentOff(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, func(h *harness, _ followup.LeadID) {
		off := h.config
		off.IsActive, off.UpdatedAt = false, time.Now()
		ended, err := h.store.UpdateConfig(h.Context(), off, h.config.UpdatedAt, time.Now(), time.Now())
		if err != nil {
			h.Errorf("UpdateConfig: got error %v, want none", err)
		}
		h.steps.Ended(ended)
	}, wantEnded(followup.ConfigOff))
}

// Nothing is sent after the config is deleted without ?pending=finish.
func TestI5NothingIsSentAfterTheConfigWasDeleted(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, func(h *harness, _ followup.LeadID) { h.deleteConfig(false) }, wantEnded(followup.ConfigGone))
}

// deleteConfig deletes the config; with finish, an armed step is still sent.
func (h *harness) deleteConfig(finish bool) {
	ended, err := h.store.DeleteConfig(h.Context(), h.tenant, h.config.ID, finish, time.Now(), time.Now())
	if err != nil {
		h.Errorf("DeleteConfig: got error %v, want none", err)
	}
	h.steps.Ended(ended)
}

// With ?pending=finish the one armed step is sent, wherever it is, and nothing after it.
func TestDeleteWithPendingFinishSendsTheArmedStepOnly(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, func(h *harness, _ followup.LeadID) { h.deleteConfig(true) },
		func(h *harness, _ point, run followup.RunID, _ time.Time) {
			h.pass(80 * minutes)
			h.equal(accepted(h), 1, "messages sent")
			h.wantTimeline(run, "1 ai sent/ai", "ended config_deleted")
		})
}

// A pause skips the step that falls due in it, and the ladder goes on after the pause.
func TestPauseSkipsStepWhereverItIs(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, func(h *harness, _ followup.LeadID) { h.pauseSending(true) },
		func(h *harness, p point, run followup.RunID, _ time.Time) {
			h.pauseSending(false)
			first, n := "1 none skipped/paused", 1
			if p.phase == after {
				first, n = "1 ai sent/ai", 2
			}
			h.pass(80 * minutes)
			h.wantTimeline(run, first, "2 ai sent/ai", "armed")
			h.equal(accepted(h), n, "messages sent")
		})
}

// pauseSending sets or lifts the pause of the channel.
func (h *harness) pauseSending(on bool) {
	if err := h.store.Pause(h.Context(), h.tenant, h.channel, on); err != nil {
		h.Errorf("Pause: got error %v, want none", err)
	}
}

// restartsTheWait checks that the step waited its whole interval again after the event,
// unless it was already being sent.
func restartsTheWait(h *harness, p point, run followup.RunID, at time.Time) {
	h.pass(80 * minutes)
	first := h.run(run).Timeline[0]
	h.equal([]any{first.Outcome, first.Reason}, []any{followup.Sent, followup.ByAI}, "first step")
	if p.phase != before {
		return
	}
	if due := at.Add(30 * minutes); !first.DueAt.Equal(due) {
		h.Errorf("due: got %v after the event, want 30m", first.DueAt.Sub(at))
	}
	for _, c := range h.sender.log() {
		if c.at.Sub(at) < 30*minutes {
			h.Errorf("sent: got %v after the event, want at least 30m", c.at.Sub(at))
		}
	}
}

// A message of the business from elsewhere makes the step wait its whole interval again.
func TestEchoRestartsWaitWhereverStepIs(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, (*harness).echo, restartsTheWait)
}

// A message that the assistant sends through the API makes the step wait again as well.
func TestAssistantMessageRestartsWaitWhereverStepIs(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, func(h *harness, lead followup.LeadID) {
		l, err := h.store.Lead(h.Context(), h.tenant, lead)
		h.must(err, "Lead")
		v, err := h.store.GuardSend(h.Context(), followup.GuardSend{
			Tenant: h.tenant, Lead: lead, Channel: h.channel, Assistant: h.assistant, To: l.Contact(), FreeForm: true,
			Now: time.Now(), Real: time.Now(),
		})
		if err != nil || v.Refusal != followup.Allowed {
			h.Errorf("GuardSend: got %q, %v, want leave", v.Refusal, err)
		}
	}, restartsTheWait)
}

// A second reply changes nothing: the run ends once, and a message on its way is recorded.
func TestI5TwoRepliesEndRunOnce(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, func(h *harness, lead followup.LeadID) {
		h.reply(lead)
		h.reply(lead)
	}, wantEnded(followup.Replied))
}
