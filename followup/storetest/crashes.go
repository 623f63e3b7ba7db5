package storetest

import (
	"time"

	"wagate/followup"
	"wagate/providers"
)

// crashTests: if a worker died while its step was in sending, nobody knows whether the step was
// sent. So whatever happens to the run, the step is never armed again or cancelled.
func crashTests() []test {
	crashed := func(w *world, lead followup.LeadID) (followup.RunID, followup.Claimed) {
		w.Helper()
		run := w.start(lead)
		w.sending()
		w.pass(lease)
		c := w.claim()
		w.is(c.Crashed, true, "Crashed")
		return run, c
	}
	guess := func(w *world, c followup.Claimed) followup.FinishStep {
		f := w.result(c, c.Attempt)
		f.Outcome, f.Reason, f.Text = followup.Uncertain, followup.Crash, ""
		return f
	}
	var tests []test
	for _, way := range []struct {
		name  string
		speak func(w *world, lead followup.LeadID)
	}{
		{"an echo", func(w *world, lead followup.LeadID) { w.settle(lead, w.echo()) }},
		{"a message through the API", func(w *world, lead followup.LeadID) { w.guardSend(lead, false) }},
	} {
		tests = append(tests, test{way.name + " does not arm it again", func(w *world) {
			lead := w.lead()
			run, c := crashed(w, lead)
			way.speak(w, lead)
			w.is(w.run(run).State, followup.RunSending, "state")
			w.pass(interval + lease)
			again := w.claim()
			w.is(again.Crashed, true, "Crashed, once it is claimed again")
			w.is(w.guard(again).Refusal, followup.RefusedStale, "guard")
			w.finish(guess(w, c))
			w.timeline(run, "1 uncertain/crash", "2 …")
		}})
	}
	for _, way := range []struct {
		name string
		end  func(w *world, lead followup.LeadID, c followup.Claimed)
		why  followup.Reason
	}{
		{"a reply", func(w *world, lead followup.LeadID, _ followup.Claimed) {
			w.is(len(w.settle(lead, w.message("hi")).Ended), 0, "ended")
		}, followup.Replied},
		{"an opt-out", func(w *world, lead followup.LeadID, _ followup.Claimed) {
			out := w.item()
			out.OptOut = new(true)
			w.is(len(w.settle(lead, out).Ended), 0, "ended")
		}, followup.OptedOut},
		{"a cancel", func(w *world, _ followup.LeadID, c followup.Claimed) {
			ended, err := w.s.Cancel(w.ctx, w.tenant, c.Run.ID, w.now, w.now)
			w.must(err, "Cancel")
			w.is(len(ended), 0, "ended")
		}, followup.ByAPI},
		{"another status", func(w *world, lead followup.LeadID, _ followup.Claimed) {
			w.put(lead, "won", nil)
		}, followup.StatusLeft},
		{"a receipt that the message is undeliverable", func(w *world, lead followup.LeadID, c followup.Claimed) {
			w.is(len(w.settle(lead, w.receipt(c.Attempt, providers.StatusFailed, providers.Undeliverable)).Ended), 0, "ended")
		}, followup.Unreachable},
	} {
		want := "1 uncertain/crash"
		if way.why == followup.Unreachable {
			want += " → failed"
		}
		tests = append(tests, test{way.name + " ends its run after the result", func(w *world) {
			lead := w.lead()
			run, c := crashed(w, lead)
			way.end(w, lead, c)
			w.is(w.run(run).State, followup.RunSending, "state")
			w.is(w.finish(guess(w, c)).State, followup.RunEnded, "state after the result")
			w.ended(run, way.why)
			w.timeline(run, want)
		}})
	}
	tests = append(tests, test{"what was being sent is known to whoever finishes it", func(w *world) {
		w.start(w.lead())
		c := w.due()
		said := func(kind followup.StepKind, used int) func(*followup.GuardStep) {
			return func(g *followup.GuardStep) { g.Kind, g.UsedStep = kind, used }
		}
		w.is(w.guardWith(c, said(followup.KindAI, 0)).Refusal, followup.Allowed, "guard of the text")
		w.is(w.guardWith(c, said(followup.KindTemplate, 2)).Refusal, followup.Allowed, "guard of the template in its place")
		w.pass(lease)
		got := w.claim()
		w.is(got.Kind, followup.KindTemplate, "Kind")
		w.is(got.UsedStep, 2, "UsedStep")
	}})
	return append(tests, test{"a step of a lead that was merged meanwhile is not sent again", func(w *world) {
		_, younger, join := w.two()
		run := w.start(younger)
		c, a := w.sending()
		join()
		v := w.guard(c)
		w.is(v.Refusal, followup.RefusedStale, "guard of the next try")
		w.is(v.Ended, []followup.Ended{{Run: run, Step: 1, Reason: followup.Merged}}, "ended by the guard")
		w.ended(run, followup.Merged)
		w.timeline(run, "1 cancelled/merged")
		w.stale(c, a)
	}})
}

// clockTests: domain time and real time are two clocks, and each rule goes by one of them, however
// far they are apart.
func clockTests() []test {
	const day = 24 * time.Hour
	return []test{
		{"the window goes by domain time, for the API", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.opening())
			ask := func(now, real time.Time) followup.Refusal {
				v, err := w.s.GuardSend(w.ctx, followup.GuardSend{
					Tenant: w.tenant, Lead: lead, Channel: w.main, Assistant: w.sales, To: w.contact(lead), FreeForm: true, Now: now, Real: real,
				})
				w.must(err, "GuardSend")
				return v.Refusal
			}
			w.is(ask(w.now.Add(day-time.Millisecond), w.now.Add(2*day)), followup.Allowed, "with only real time beyond the window")
			w.is(ask(w.now.Add(day), w.now), followup.RefusedWindow, "with only domain time beyond the window")
		}},
		{"the window goes by domain time, for a step", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.opening())
			w.start(lead)
			opened := w.now
			c := w.due()
			ask := func(now, real time.Time) followup.Refusal {
				return w.guardWith(c, func(g *followup.GuardStep) { g.FreeForm, g.Now, g.Real = true, now, real }).Refusal
			}
			w.is(ask(opened.Add(day-time.Millisecond), opened.Add(2*day)), followup.Allowed, "with only real time beyond the window")
			w.is(ask(opened.Add(day), w.now), followup.RefusedWindow, "with only domain time beyond the window")
		}},
		{"the guard's lease goes by real time", func(w *world) {
			w.start(w.lead())
			c := w.due()
			v := w.guardWith(c, func(g *followup.GuardStep) { g.Now = w.now.Add(day) })
			w.is(v.Refusal, followup.Allowed, "guard")
			w.pass(lease - time.Millisecond)
			w.is(len(w.claims()), 0, "claims 1 ms before")
			w.pass(time.Millisecond)
			w.is(w.claim().Crashed, true, "Crashed, when the lease has run out")
		}},
		{"a step is due by domain time", func(w *world) {
			run := w.start(w.lead())
			claims := func(now, real time.Time) int {
				b, err := w.s.Claim(w.ctx, followup.ClaimParams{Now: now, Real: real, Limit: 100, Lease: lease})
				w.must(err, "Claim")
				n := 0
				for _, c := range b.Steps {
					if c.Run.ID == run {
						n++
					}
				}
				return n
			}
			due := w.now.Add(interval)
			w.is(claims(due.Add(-time.Millisecond), due.Add(day)), 0, "claims when only real time is beyond")
			w.is(claims(due, due.Add(-day)), 1, "claims when only domain time is there")
		}},
		{"the next step is due by domain time", func(w *world) {
			run := w.start(w.lead())
			c, a := w.sending()
			f := w.result(c, a)
			f.Real = w.now.Add(day)
			w.at(w.finish(f).Due, w.now.Add(interval), "due")
			w.at(w.run(run).DueAt, w.now.Add(interval), "due of the run")
		}},
		{"a first sight ages by real time", func(w *world) {
			lead := w.lead()
			m := w.message("hi")
			settle := func(it followup.Item, now, real time.Time) bool {
				out, err := w.s.Settle(w.ctx, followup.Settlement{
					Tenant: w.tenant, Lead: lead, Items: []followup.Item{it}, Now: now, Real: real,
				})
				w.must(err, "Settle")
				return out.Fresh[0]
			}
			w.is(settle(m, w.now.Add(-20*day), w.now), true, "fresh at first")
			w.is(settle(w.item(), w.now, w.now.Add(time.Hour)), true, "another is fresh")
			w.is(settle(m, w.now.Add(20*day), w.now.Add(2*time.Hour)), false, "fresh, two hours later by real time")
		}},
	}
}
