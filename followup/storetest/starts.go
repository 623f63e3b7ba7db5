package storetest

import (
	"errors"
	"sync"
	"time"

	"wagate/followup"
)

// put writes a changed status, and starts a run if a is set.
func (w *world) put(lead followup.LeadID, status string, a *followup.Arm) followup.RunID {
	w.Helper()
	p := followup.PutLead{Lead: w.get(lead), StatusChanged: true, Arm: a, Now: w.now, Real: w.now}
	p.Lead.StatusID = status
	run, err := w.s.PutLead(w.ctx, p)
	w.must(err, "PutLead")
	return run
}

// oneLive checks that exactly one of the lead's runs is live, and that the lead has total runs.
func (w *world) oneLive(lead followup.LeadID, total int) {
	w.Helper()
	runs, err := w.s.Runs(w.ctx, w.tenant, lead)
	w.must(err, "Runs")
	live := 0
	for _, r := range runs {
		if r.State != followup.RunEnded {
			live++
		} else {
			w.is(r.Reason, followup.Restarted, "reason of an ended run")
		}
	}
	w.is(live, 1, "live runs")
	w.is(len(runs), total, "runs")
}

// oneLiveRunTests: there is one live run per lead and assistant.
func oneLiveRunTests() []test {
	return []test{
		{"100 concurrent triggers leave one live run", func(w *world) {
			lead := w.lead()
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					if _, _, err := w.s.Start(w.ctx, w.tenant, lead, w.arm(), false, w.now, w.now); err != nil {
						w.Errorf("Start: got error %v, want none", err)
					}
				})
			}
			wg.Wait()
			w.oneLive(lead, 100)
			w.pass(interval)
			w.is(len(w.claims()), 1, "steps due")
		}},
		{"of 100 concurrent status changes one wins", func(w *world) {
			lead := w.lead()
			p := followup.PutLead{Lead: w.get(lead), StatusChanged: true, Arm: new(w.arm()), Now: w.now, Real: w.now}
			errs := make(chan error, 100)
			for range cap(errs) {
				go func() {
					_, err := w.s.PutLead(w.ctx, p)
					errs <- err
				}()
			}
			won := 0
			for range cap(errs) {
				if err := <-errs; err == nil {
					won++
				} else if !errors.Is(err, followup.ErrConflict) {
					w.Errorf("PutLead: got error %v, want none or ErrConflict", err)
				}
			}
			w.is(won, 1, "writes that won")
			w.oneLive(lead, 1)
		}},
		{"a restart ends the live run", func(w *world) {
			lead := w.lead()
			first := w.start(lead)
			c := w.due()
			_, ended, err := w.s.Start(w.ctx, w.tenant, lead, w.arm(), false, w.now, w.now)
			w.must(err, "Start")
			w.is(ended, []followup.Ended{{Run: first, Step: 1, Reason: followup.Restarted}}, "ended")
			w.stale(c, "")
			w.oneLive(lead, 2)
			w.is(w.told(w.sales), []string{"scheduled 1", "cancelled 1 cancelled/restarted", "scheduled 1"}, "told")
		}},
		{"a restart while sending lets the result come in", func(w *world) {
			lead := w.lead()
			first := w.start(lead)
			c, a := w.sending()
			second := w.start(lead)
			w.is(w.finish(w.result(c, a)).State, followup.RunEnded, "state of the first run")
			w.ended(first, followup.Restarted)
			w.timeline(first, "1 sent/template")
			w.is(w.run(second).State, followup.RunArmed, "state of the second run")
		}},
		{"one live run per assistant", func(w *world) {
			lead := w.lead()
			first := w.start(lead)
			arm := w.arm()
			arm.Assistant = w.support
			second := w.startWith(lead, arm)
			w.is(w.run(first).State, followup.RunArmed, "first")
			w.is(w.run(second).State, followup.RunArmed, "second")
		}},
		{"run ids name the lead and count up", func(w *world) {
			lead := w.lead()
			for n := 1; n <= 3; n++ {
				w.is(w.start(lead), lead.Run(n), "run %d", n)
			}
		}},
		{"a change into a trigger status starts a run", func(w *world) {
			lead := w.lead()
			run := w.put(lead, "trigger", new(w.arm()))
			w.is(run, lead.Run(1), "run")
			r := w.run(run)
			w.at(r.DueAt, w.now.Add(interval), "due")
			w.is(r.Config, w.config, "config")
			w.is(w.get(lead).StatusID, "trigger", "status")
		}},
		{"a change from trigger to trigger restarts the run", func(w *world) {
			lead := w.lead()
			first := w.put(lead, "one", new(w.arm()))
			w.put(lead, "two", new(w.arm()))
			w.ended(first, followup.Restarted)
			w.oneLive(lead, 2)
		}},
		{"leaving the trigger status ends every run", func(w *world) {
			lead := w.lead()
			first := w.put(lead, "trigger", new(w.arm()))
			arm := w.arm()
			arm.Assistant = w.support
			second := w.startWith(lead, arm)
			w.is(w.put(lead, "won", nil), followup.RunID(""), "run started")
			w.ended(first, followup.StatusLeft)
			w.ended(second, followup.StatusLeft)
		}},
		{"a run of another assistant ends with status_left, not restarted", func(w *world) {
			lead := w.lead()
			arm := w.arm()
			arm.Assistant = w.support
			other := w.startWith(lead, arm)
			w.put(lead, "trigger", new(w.arm()))
			w.ended(other, followup.StatusLeft)
		}},
		{"the same status again does nothing", func(w *world) {
			lead := w.lead()
			run := w.put(lead, "trigger", new(w.arm()))
			p := followup.PutLead{Lead: w.get(lead), Arm: new(w.arm()), Now: w.now, Real: w.now}
			got, err := w.s.PutLead(w.ctx, p)
			w.must(err, "PutLead")
			w.is(got, followup.RunID(""), "run started")
			w.is(w.run(run).State, followup.RunArmed, "state")
		}},
		{"no run for a lead that opted out", func(w *world) {
			lead := w.lead()
			out := w.item()
			out.OptOut = new(true)
			w.settle(lead, out)
			w.is(w.put(lead, "trigger", new(w.arm())), followup.RunID(""), "run by status")
			run, _, err := w.s.Start(w.ctx, w.tenant, lead, w.arm(), false, w.now, w.now)
			w.must(err, "Start")
			w.is(run, followup.RunID(""), "run by hand")
			w.pass(time.Second)
			back := w.item()
			back.OptOut = new(false)
			w.settle(lead, back)
			w.is(w.put(lead, "other", new(w.arm())) != "", true, "run after the lead came back")
		}},
		{"an opt-out ends all runs, whatever their state", func(w *world) {
			lead := w.lead()
			sending := w.start(lead)
			c, a := w.sending()
			arm := w.arm()
			arm.Assistant = w.support
			armed := w.startWith(lead, arm)
			out := w.item()
			out.OptOut = new(true)
			w.is(w.settle(lead, out).Ended, []followup.Ended{{Run: armed, Step: 1, Reason: followup.OptedOut}}, "ended")
			w.is(w.guardWith(c, func(g *followup.GuardStep) { g.Marketing = true }).Refusal, followup.RefusedStale, "next try")
			w.ended(sending, followup.OptedOut)
			w.stale(c, a)
			w.is(w.get(lead).OptedOut, true, "OptedOut")
		}},
		{"an opt-out by the API ends the run, and no new one starts", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			p := followup.PutLead{Lead: w.get(lead), StatusChanged: true, Arm: new(w.arm()), Now: w.now, Real: w.now}
			p.Lead.OptedOut = true
			got, err := w.s.PutLead(w.ctx, p)
			w.must(err, "PutLead")
			w.is(got, followup.RunID(""), "run started")
			w.ended(run, followup.OptedOut)
		}},
	}
}
