package storetest

import (
	"time"

	"wagate/followup"
)

// endingTests: which reason a run ends with if several things would end it together with the result
// of its step. What came first counts, then what the result says, then the config, then that there
// is no further step.
func endingTests() []test {
	mark := func(w *world, lead followup.LeadID) {
		w.is(len(w.settle(lead, w.message("hi")).Ended), 0, "ended by a reply in sending")
	}
	lastOne := func(w *world, _ followup.LeadID) {
		c := w.createConfig(func(*followup.Config) {})
		ended, err := w.s.DeleteConfig(w.ctx, w.tenant, c.ID, true, w.now, w.now)
		w.must(err, "DeleteConfig")
		w.is(len(ended), 0, "ended by a deletion with finish")
	}
	nothing := func(*world, followup.LeadID) {}
	unreachable := func(f *followup.FinishStep) { f.EndReason = followup.Unreachable }
	optOut := func(f *followup.FinishStep) { f.OptOut = true }
	last := func(f *followup.FinishStep) { f.Next = -1 }
	table := []struct {
		name   string
		before func(w *world, lead followup.LeadID)
		edits  []func(*followup.FinishStep)
		want   followup.Reason
		told   string
	}{
		{"a reply", mark, nil, followup.Replied, "replied 1 null/replied"},
		{"a reply before an end reason", mark, []func(*followup.FinishStep){unreachable}, followup.Replied, "replied 1 null/replied"},
		{"a reply before an opt-out", mark, []func(*followup.FinishStep){optOut}, followup.Replied, "replied 1 null/replied"},
		{"a reply before the last step", mark, []func(*followup.FinishStep){last}, followup.Replied, "replied 1 null/replied"},
		{"an opt-out before an end reason", nothing, []func(*followup.FinishStep){unreachable, optOut}, followup.OptedOut, "cancelled 1 null/opted_out"},
		{"an end reason before the config", lastOne, []func(*followup.FinishStep){unreachable}, followup.Unreachable, "cancelled 1 null/undeliverable"},
		{"an end reason before the last step", nothing, []func(*followup.FinishStep){unreachable, last}, followup.Unreachable, "cancelled 1 null/undeliverable"},
		{"the config before the last step", lastOne, []func(*followup.FinishStep){last}, followup.ConfigGone, "cancelled 1 null/config_deleted"},
		{"the last step", nothing, []func(*followup.FinishStep){last}, followup.CompletedEnded, "completed 1"},
	}
	var tests []test
	for _, row := range table {
		tests = append(tests, test{row.name, func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			row.before(w, lead)
			w.told(w.sales)
			f := w.result(c, a)
			for _, edit := range row.edits {
				edit(&f)
			}
			w.is(w.finish(f).State, followup.RunEnded, "state")
			w.ended(run, row.want)
			w.timeline(run, "1 sent/template")
			w.is(w.told(w.sales), []string{"sent 1 sent/template", row.told}, "told")
		}})
	}
	tests = append(tests, nothingWaitsTests()...)
	return append(tests,
		test{"a result of a claimed step needs the token, whatever its attempt", func(w *world) {
			run := w.start(w.lead())
			c := w.due()
			f := w.result(c, run.Lead().Attempt(99))
			f.Outcome, f.Reason = followup.Skipped, followup.TooLate
			w.finish(f)
			w.timeline(run, "1 skipped/too_late", "2 …")
		}},
		test{"Used has each used step once", func(w *world) {
			run := w.start(w.lead())
			for _, used := range []int{0, 2, 2} {
				c, a := w.sending()
				f := w.result(c, a)
				f.UsedStep = used
				w.finish(f)
				want := followup.StepSet(0)
				if used > 0 {
					want = want.With(used)
				}
				w.is(w.run(run).Used, want, "Used after %d", used)
			}
		}},
		test{"a happening has its fields and no others", func(w *world) {
			run := w.start(w.lead())
			told := func(want map[string]any) {
				w.Helper()
				d := w.delivery()
				w.is(len(d.Events), 1, "events")
				want["run_id"], want["lead_id"] = string(run), string(run.Lead())
				w.sameJSON(d.Events[0].Value, want)
				w.must(w.finishDelivery(d, delivered), "FinishDelivery")
			}
			told(map[string]any{"event": "scheduled", "step": 1, "outcome": nil, "reason": nil})
			c := w.due()
			f := w.result(c, "")
			f.Outcome, f.Reason, f.Text, f.MessageID, f.Next = followup.Skipped, followup.TooLate, "", "", 1
			w.finish(f)
			d := w.delivery()
			w.is(len(d.Events), 2, "events of a step that was skipped")
			w.sameJSON(d.Events[0].Value, map[string]any{
				"event": "skipped", "run_id": string(run), "lead_id": string(run.Lead()), "step": 1,
				"outcome": "skipped", "reason": "too_late",
			})
			w.must(w.finishDelivery(d, delivered), "FinishDelivery")
			w.pass(time.Second)
			_, err := w.s.Cancel(w.ctx, w.tenant, run, w.now, w.now)
			w.must(err, "Cancel")
			told(map[string]any{"event": "cancelled", "step": 2, "outcome": "cancelled", "reason": "api"})

			run = w.start(run.Lead())
			told(map[string]any{"event": "scheduled", "step": 1, "outcome": nil, "reason": nil})
			c, a := w.sending()
			f = w.result(c, a)
			f.Next = -1
			w.finish(f)
			d = w.delivery()
			w.is(len(d.Events), 2, "events of a run that was completed")
			w.sameJSON(d.Events[1].Value, map[string]any{
				"event": "completed", "run_id": string(run), "lead_id": string(run.Lead()), "step": 1,
				"outcome": nil, "reason": nil,
			})
		}},
	)
}

// nothingWaitsTests: nothing of an ended run waits any more, neither to become due nor for the end
// of a lease, whatever ended the run and wherever its step was.
func nothingWaitsTests() []test {
	armed := func(*world) (followup.Claimed, followup.AttemptID) { return followup.Claimed{}, "" }
	claimed := func(w *world) (followup.Claimed, followup.AttemptID) { return w.due(), "" }
	cancel := func(w *world, run followup.RunID) {
		_, err := w.s.Cancel(w.ctx, w.tenant, run, w.now, w.now)
		w.must(err, "Cancel")
	}
	ends := map[string]func(w *world, lead followup.LeadID, run followup.RunID){
		"a reply":            func(w *world, lead followup.LeadID, _ followup.RunID) { w.settle(lead, w.message("hi")) },
		"a change of status": func(w *world, lead followup.LeadID, _ followup.RunID) { w.put(lead, "another", nil) },
		"a restart":          func(w *world, lead followup.LeadID, _ followup.RunID) { cancel(w, w.start(lead)) },
		"a cancel":           func(w *world, _ followup.LeadID, run followup.RunID) { cancel(w, run) },
		"an erasure": func(w *world, lead followup.LeadID, _ followup.RunID) {
			w.must(w.s.EraseLead(w.ctx, w.tenant, lead, w.now), "EraseLead")
		},
	}
	var tests []test
	for where, bring := range map[string]func(*world) (followup.Claimed, followup.AttemptID){
		"armed": armed, "claimed": claimed, "in sending": (*world).sending,
	} {
		for by, end := range ends {
			tests = append(tests, test{"nothing waits for a run ended by " + by + " while " + where, func(w *world) {
				pending := func() int {
					st, err := w.s.Stats(w.ctx, w.now, w.now)
					w.must(err, "Stats")
					return st.StepsPending
				}
				before := pending()
				lead := w.lead()
				run := w.start(lead)
				c, a := bring(w)
				end(w, lead, run)
				if a != "" {
					_, _ = w.s.FinishStep(w.ctx, w.result(c, a)) // stale if the lead was erased
				}
				w.is(pending(), before, "pending steps")
				w.pass(interval + lease)
				w.is(len(w.claims()), 0, "steps to claim")
			}})
		}
	}
	return tests
}
