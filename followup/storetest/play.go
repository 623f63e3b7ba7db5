package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"wagate/followup"
)

// claims claims everything that is due and returns what belongs to this tenant. The leases of the
// rest run out.
func (w *world) claims() []followup.Claimed {
	w.Helper()
	b := w.batch(100)
	return slices.DeleteFunc(b.Steps, func(c followup.Claimed) bool { return c.Run.Tenant != w.tenant })
}

func (w *world) batch(limit int) followup.Batch {
	w.Helper()
	b, err := w.s.Claim(w.ctx, followup.ClaimParams{Now: w.now, Real: w.now, Limit: limit, Lease: lease})
	w.must(err, "Claim")
	return b
}

// claim claims the one step that is due.
func (w *world) claim() followup.Claimed {
	w.Helper()
	got := w.claims()
	if len(got) != 1 {
		w.Fatalf("Claim: got %d steps, want 1", len(got))
	}
	return got[0]
}

// due makes the run's first step due and claims it.
func (w *world) due() followup.Claimed {
	w.Helper()
	w.pass(interval)
	return w.claim()
}

// guard asks the guard to allow a template, which needs no window.
func (w *world) guard(c followup.Claimed) followup.Verdict {
	w.Helper()
	return w.guardWith(c, func(*followup.GuardStep) {})
}

func (w *world) guardWith(c followup.Claimed, edit func(*followup.GuardStep)) followup.Verdict {
	w.Helper()
	g := followup.GuardStep{Run: c.Run.ID, Token: c.Token, To: c.Lead.Contact(), Now: w.now, Real: w.now, Lease: lease}
	edit(&g)
	v, err := w.s.GuardStep(w.ctx, g)
	w.must(err, "GuardStep")
	return v
}

// sending claims the due step and passes the guard.
func (w *world) sending() (followup.Claimed, followup.AttemptID) {
	w.Helper()
	c := w.due()
	v := w.guard(c)
	if v.Refusal != followup.Allowed || v.Attempt == "" {
		w.Fatalf("GuardStep: got %+v, want Allowed and an attempt", v)
	}
	return c, v.Attempt
}

// result returns the result of a step that sent a template and after which the run goes on with the
// next step.
func (w *world) result(c followup.Claimed, a followup.AttemptID) followup.FinishStep {
	return followup.FinishStep{
		Run: c.Run.ID, Token: c.Token, Attempt: a, Kind: followup.KindTemplate,
		Outcome: followup.Sent, Reason: followup.ByTemplate, MessageID: "wamid.1", Text: "hello",
		Next: c.Run.Step + 1, Interval: interval, Now: w.now, Real: w.now,
	}
}

func (w *world) finish(f followup.FinishStep) followup.Finished {
	w.Helper()
	out, err := w.s.FinishStep(w.ctx, f)
	w.must(err, "FinishStep")
	return out
}

// stale checks that a worker can do nothing any more with the claim that it holds.
func (w *world) stale(c followup.Claimed, a followup.AttemptID) {
	w.Helper()
	before := w.run(c.Run.ID)
	w.is(w.guard(c).Refusal, followup.RefusedStale, "guard with an old token")
	if _, err := w.s.FinishStep(w.ctx, w.result(c, a)); !errors.Is(err, followup.ErrStale) {
		w.Errorf("FinishStep with an old token: got %v, want ErrStale", err)
	}
	w.release(c.Run.ID, c.Token, w.now.Add(time.Hour))
	w.is(w.run(c.Run.ID), before, "the run after a stale worker tried everything")
}

// ended checks how a run ended.
func (w *world) ended(id followup.RunID, why followup.Reason) {
	w.Helper()
	r := w.run(id)
	w.is(r.State, followup.RunEnded, "state of the run")
	w.is(r.Reason, why, "why the run ended")
}

// outcomes describes a run's timeline: "1 sent/template" for a step with an outcome, "2 …" for a
// pending one.
func outcomes(r followup.Run) []string {
	out := []string{}
	for _, m := range r.Timeline {
		line := fmt.Sprintf("%d %s/%s", m.Step, m.Outcome, m.Reason)
		if m.Outcome == "" {
			line = fmt.Sprintf("%d …", m.Step)
		}
		if m.Settled != "" {
			line += " → " + string(m.Settled)
		}
		out = append(out, line)
	}
	return out
}

func (w *world) timeline(id followup.RunID, want ...string) {
	w.Helper()
	w.is(outcomes(w.run(id)), want, "timeline")
}

// deliveries claims everything that can be delivered now and returns what belongs to this tenant.
func (w *world) deliveries() []followup.Delivery {
	w.Helper()
	ds, _ := w.claimDeliveries(100, 10)
	return ds
}

func (w *world) claimDeliveries(limit, most int) ([]followup.Delivery, time.Duration) {
	w.Helper()
	return w.claimWith(followup.ClaimDeliveries{Limit: limit, MaxEvents: most})
}

// claimOfAll claims deliveries of all tenants now.
func (w *world) claimOfAll(c followup.ClaimDeliveries) ([]followup.Delivery, time.Duration) {
	w.Helper()
	c.Real, c.Lease = w.now, lease
	ds, next, err := w.s.ClaimDeliveries(w.ctx, c)
	w.must(err, "ClaimDeliveries")
	return ds, next
}

// claimWith claims deliveries now and returns those of this tenant, and what the claim says about
// the next.
func (w *world) claimWith(c followup.ClaimDeliveries) ([]followup.Delivery, time.Duration) {
	w.Helper()
	ds, next := w.claimOfAll(c)
	return slices.DeleteFunc(ds, func(d followup.Delivery) bool { return d.Tenant != w.tenant }), next
}

// delivery claims the only delivery of this tenant.
func (w *world) delivery() followup.Delivery {
	w.Helper()
	return w.deliveryWith(followup.ClaimDeliveries{Limit: 100, MaxEvents: 10})
}

// deliveryWith claims deliveries now and returns the only one of this tenant.
func (w *world) deliveryWith(c followup.ClaimDeliveries) followup.Delivery {
	w.Helper()
	ds, _ := w.claimWith(c)
	if len(ds) != 1 {
		w.Fatalf("ClaimDeliveries: got %d deliveries, want 1", len(ds))
	}
	return ds[0]
}

func (w *world) finishDelivery(d followup.Delivery, edit func(*followup.FinishDelivery)) error {
	f := followup.FinishDelivery{Delivery: d, Real: w.now}
	edit(&f)
	return w.s.FinishDelivery(w.ctx, f)
}

func delivered(f *followup.FinishDelivery) { f.Delivered = true }

func released(f *followup.FinishDelivery) { f.Release = true }

func rejected(f *followup.FinishDelivery) { f.Dead = "rejected" }

func split(f *followup.FinishDelivery) { f.Split = true }

// letter returns the only dead letter.
func (w *world) letter() followup.DeadLetter {
	w.Helper()
	list, n, err := w.s.DeadLetters(w.ctx, w.tenant, 10, 0)
	w.must(err, "DeadLetters")
	if n != 1 || len(list) != 1 {
		w.Fatalf("dead letters: got %d of %d, want one", len(list), n)
	}
	return list[0]
}

// told delivers everything that waits and returns what assistant a was told, in order: texts that
// were said, and follow-up happenings as "event step outcome/reason", or "event step" if both are null.
func (w *world) told(a followup.AssistantID) []string {
	w.Helper()
	out := []string{}
	for {
		ds := w.deliveries()
		if len(ds) == 0 {
			return out
		}
		for _, d := range ds {
			if d.Assistant == a {
				out = append(out, w.say(d.Events)...)
			}
			w.must(w.finishDelivery(d, delivered), "FinishDelivery")
		}
	}
}

func (w *world) say(events []followup.RelayEvent) []string {
	w.Helper()
	out := []string{}
	for _, e := range events {
		if e.Raw != nil {
			out = append(out, fmt.Sprintf("raw %q", e.Raw.Body))
			continue
		}
		var v struct {
			Say string `json:"say"`
		}
		w.must(json.Unmarshal(e.Value, &v), "unmarshal a relayed value")
		if e.Field != "followup" {
			out = append(out, v.Say)
			continue
		}
		h, err := readHappening(e.Value)
		if err != nil {
			w.Error(err)
		}
		line := fmt.Sprintf("%s %d", h.Event, h.Step)
		if h.Outcome != nil || h.Reason != nil {
			line += " " + word(h.Outcome) + "/" + word(h.Reason)
		}
		out = append(out, line)
	}
	return out
}

// word returns what w points to, or "null".
func word[T ~string](w *T) string {
	if w == nil {
		return "null"
	}
	return string(*w)
}
