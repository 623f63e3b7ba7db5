package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"wagate/followup"
	"wagate/providers"
)

// happening is a follow-up event as an assistant reads it.
type happening struct {
	Event   followup.Happening `json:"event"`
	Step    int                `json:"step"`
	Outcome *followup.Outcome  `json:"outcome"` // nil: null
	Reason  *followup.Reason   `json:"reason"`
}

// readHappening returns the happening in a relayed value, or an error if its outcome and reason are
// not of the closed sets, or do not belong together, or do not belong to the event.
func readHappening(value json.RawMessage) (h happening, err error) {
	if err := json.Unmarshal(value, &h); err != nil {
		return h, err
	}
	var outcome followup.Outcome
	var reason followup.Reason
	if h.Outcome != nil {
		outcome = *h.Outcome
	}
	if h.Reason != nil {
		reason = *h.Reason
	}
	null := h.Outcome == nil && h.Reason == nil
	own := slices.Contains(followup.Reasons[outcome], reason)
	fits := false
	switch h.Event {
	case followup.HappeningScheduled, followup.HappeningCompleted:
		fits = null
	case followup.HappeningSent, followup.HappeningSkipped, followup.HappeningFailed, followup.HappeningUncertain:
		fits = string(outcome) == string(h.Event) && own
	case followup.HappeningReplied:
		fits = reason == followup.Replied && (outcome == followup.Cancelled || h.Outcome == nil)
	case followup.HappeningCancelled:
		// Without an outcome it is only the run that ended.
		ends := reason == followup.Unreachable || slices.Contains(followup.Reasons[followup.Cancelled], reason)
		fits = ends && reason != followup.Replied && (outcome == reason.Unsent() || h.Outcome == nil)
	case followup.HappeningSettled:
		unknown := outcome == followup.Sent && h.Reason == nil // of a step whose kind is not known
		fits = (outcome == followup.Sent || outcome == followup.Failed) && own || unknown
	}
	if !fits {
		return h, fmt.Errorf("words of no closed set, or of two: %s", value)
	}
	return h, nil
}

// wordTests: what a receipt settled is told in the words of what it is now, not of what it was.
func wordTests() []test {
	const (
		delivered = providers.StatusDelivered
		failed    = providers.StatusFailed
	)
	// finish ends the run with a step of this kind that was sent, or is uncertain if why is a reason
	// of that.
	finish := func(w *world, c followup.Claimed, a followup.AttemptID, kind followup.StepKind, why followup.Reason) {
		w.Helper()
		f := w.result(c, a)
		f.Kind, f.Reason, f.Next = kind, why, -1
		if slices.Contains(followup.Reasons[followup.Uncertain], why) {
			f.Outcome = followup.Uncertain
		}
		w.finish(f)
	}
	settled := func(w *world, want ...string) {
		w.Helper()
		w.is(slices.DeleteFunc(w.told(w.sales), func(s string) bool { return !strings.HasPrefix(s, "settled") }), want, "told")
	}
	var tests []test
	for _, row := range []struct {
		kind providers.ErrorKind
		want followup.Reason
	}{
		{providers.Throttled, followup.Throttled},
		{providers.Transient, followup.Transient},
		{providers.WindowClosed, followup.WindowClosed},
		{providers.TemplateError, followup.TemplateRejected},
		{providers.Undeliverable, followup.Undeliverable},
		{providers.OptedOut, followup.Undeliverable},
		{providers.Capped, followup.Capped},
		{providers.Operator, followup.Operator},
		{providers.Invalid, followup.Invalid},
		{providers.Unknown, followup.Unknown},
		{"", followup.Unknown},
		{"something new", followup.Unknown},
	} {
		tests = append(tests, test{"a failure of kind " + string(row.kind), func(w *world) {
			for _, was := range []struct {
				kind followup.StepKind
				why  followup.Reason
			}{
				{followup.KindAI, followup.ByAI},
				{followup.KindTemplate, followup.ByTemplate},
				{followup.KindAI, followup.NoAnswer},
				{followup.KindNone, followup.Crash},
			} {
				lead := w.lead()
				w.start(lead)
				c, a := w.sending()
				finish(w, c, a, was.kind, was.why)
				w.settle(lead, w.receipt(a, failed, row.kind))
				settled(w, "settled 1 failed/"+string(row.want))
			}
		}})
	}
	for _, row := range []struct {
		kind followup.StepKind
		want string
	}{
		{followup.KindAI, "settled 1 sent/ai"},
		{followup.KindTemplate, "settled 1 sent/template"},
		{followup.KindNone, "settled 1 sent/null"},
		{"", "settled 1 sent/null"},
	} {
		tests = append(tests,
			test{"a delivery of kind " + string(row.kind), func(w *world) {
				for _, was := range followup.Reasons[followup.Uncertain] {
					lead := w.lead()
					w.start(lead)
					c, a := w.sending()
					finish(w, c, a, row.kind, was)
					w.settle(lead, w.receipt(a, delivered, ""))
					settled(w, row.want)
				}
			}},
			test{"a delivery of kind " + string(row.kind) + ", once its worker died", func(w *world) {
				lead := w.lead()
				w.start(lead)
				w.guardWith(w.due(), func(g *followup.GuardStep) { g.Kind = row.kind })
				w.pass(lease)
				c := w.claim()
				finish(w, c, c.Attempt, c.Kind, followup.Crash)
				w.settle(lead, w.receipt(c.Attempt, delivered, ""))
				settled(w, row.want)
			}},
		)
	}
	return append(tests,
		test{"the timeline keeps the reason of the outcome that was recorded", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			finish(w, c, a, followup.KindAI, followup.NoAnswer)
			w.settle(lead, w.receipt(a, providers.StatusSent, ""))
			w.settle(lead, w.receipt(a, failed, providers.Operator))
			w.timeline(run, "1 uncertain/no_answer → failed")
			settled(w, "settled 1 sent/ai", "settled 1 failed/operator")
		}},
		test{"a receipt before the answer", func(w *world) {
			for _, row := range []struct {
				why      followup.Reason
				receipts []followup.Receipt
				want     []string
			}{
				{followup.ByAI, []followup.Receipt{{State: failed, Kind: providers.TemplateError}}, []string{"settled 1 failed/template_rejected"}},
				{followup.NoAnswer, []followup.Receipt{{State: failed, Kind: providers.Capped}}, []string{"settled 1 failed/capped"}},
				{followup.NoAnswer, []followup.Receipt{{State: failed}}, []string{"settled 1 failed/unknown"}},
				{followup.NoAnswer, []followup.Receipt{{State: delivered}}, []string{"settled 1 sent/ai"}},
				{followup.NoAnswer, []followup.Receipt{{State: failed, Kind: providers.Capped}, {State: delivered}}, []string{"settled 1 sent/ai"}},
				{followup.ByAI, []followup.Receipt{{State: failed, Kind: providers.Capped}, {State: delivered}}, []string{}},
			} {
				lead := w.lead()
				w.start(lead)
				c, a := w.sending()
				for _, rc := range row.receipts {
					w.settle(lead, w.receipt(a, rc.State, rc.Kind))
				}
				finish(w, c, a, followup.KindAI, row.why)
				settled(w, row.want...)
			}
		}},
		test{"the failure of a step of a merged lead", func(w *world) {
			for name, play := range map[string]func(lead, winner followup.LeadID, join func()){
				"before the answer, all of it before the merge": func(lead, _ followup.LeadID, join func()) {
					c, a := w.sending()
					w.settle(lead, w.receipt(a, failed, providers.Invalid))
					finish(w, c, a, followup.KindAI, followup.ByAI)
					join()
				},
				"before the merge, the answer after it": func(lead, _ followup.LeadID, join func()) {
					c, a := w.sending()
					w.settle(lead, w.receipt(a, failed, providers.Invalid))
					join()
					finish(w, c, a, followup.KindAI, followup.ByAI)
				},
				"after the merge, before the answer": func(_, winner followup.LeadID, join func()) {
					c, a := w.sending()
					join()
					w.settle(winner, w.receipt(a, failed, providers.Invalid))
					finish(w, c, a, followup.KindAI, followup.NoAnswer)
				},
				"after the merge": func(_, winner followup.LeadID, join func()) {
					c, a := w.sending()
					finish(w, c, a, followup.KindAI, followup.NoAnswer)
					join()
					w.settle(winner, w.receipt(a, failed, providers.Invalid))
				},
			} {
				w.Log(name)
				older, younger, join := w.two()
				w.start(younger)
				play(younger, older, join)
				settled(w, "settled 1 failed/invalid")
			}
		}},
		test{"the delivery of a step of a merged lead", func(w *world) {
			older, younger, join := w.two()
			w.start(younger)
			c, a := w.sending()
			finish(w, c, a, followup.KindAI, followup.Crash)
			join()
			w.settle(older, w.receipt(a, delivered, ""))
			settled(w, "settled 1 sent/ai")
		}},
		test{"a receipt that was parked tells why, too", func(w *world) {
			lead := w.lead()
			w.start(lead)
			c, a := w.sending()
			it := w.receipt("", failed, providers.TemplateError)
			_, err := w.s.Message(w.ctx, w.tenant, "wamid.9", &followup.Parked{Channel: w.main, Receipt: *it.Receipt, At: w.now})
			w.is(err, followup.ErrNotFound, "Message")
			finish(w, c, a, followup.KindTemplate, followup.ByTemplate)
			parked, err := w.s.LinkMessage(w.ctx, w.tenant, followup.MessageRef{Attempt: a, ProviderID: "wamid.9"})
			w.must(err, "LinkMessage")
			w.is(len(parked), 1, "parked")
			parked[0].Receipt.Attempt = a
			it.Receipt = &parked[0].Receipt
			w.settle(lead, it)
			settled(w, "settled 1 failed/template_rejected")
		}},
	)
}
