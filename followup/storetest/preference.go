package storetest

import (
	"time"

	"wagate/followup"
	"wagate/providers"
)

// wants returns an event in which the lead says stop or resume, dated some time ago.
func (w *world) wants(stop bool, ago time.Duration) followup.Item {
	it := w.item()
	it.OptOut, it.At = &stop, w.now.Add(-ago)
	return it
}

// preferenceTests: the lead's latest word decides whether the lead may be written to, in whatever
// order the words arrive.
func preferenceTests() []test {
	const stop, resume = true, false
	isOut := func(w *world, lead followup.LeadID, want bool, when string) {
		w.Helper()
		w.is(w.get(lead).OptedOut, want, "OptedOut %s", when)
	}
	return []test{
		{"an older word has no effect", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.wants(stop, time.Minute), w.wants(resume, time.Hour))
			isOut(w, lead, true, "after a resume of before")
			w.settle(lead, w.wants(resume, time.Second))
			isOut(w, lead, false, "after a later resume")
			run := w.start(lead)
			w.is(len(w.settle(lead, w.wants(stop, time.Minute)).Ended), 0, "runs that an older stop ended")
			isOut(w, lead, false, "after a stop of before")
			w.is(w.run(run).State, followup.RunArmed, "run")
		}},
		{"a word that changes nothing still is the latest", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.wants(resume, time.Minute), w.wants(stop, time.Hour))
			isOut(w, lead, false, "after resume, and a stop of before")
			w.settle(lead, w.wants(stop, 30*time.Second), w.wants(stop, time.Second), w.wants(resume, 20*time.Second))
			isOut(w, lead, true, "after two stops, and a resume between them")
		}},
		{"of the same instant, the stop wins", func(w *world) {
			for _, words := range [][]bool{{stop, resume}, {resume, stop}} {
				lead := w.lead()
				for _, word := range words {
					w.settle(lead, w.wants(word, time.Minute))
				}
				isOut(w, lead, true, "after both")
			}
		}},
		{"OptOutAt goes before At", func(w *world) {
			lead := w.lead()
			late := w.wants(stop, time.Hour)
			late.OptOutAt = w.now.Add(-time.Minute)
			w.settle(lead, w.wants(resume, 2*time.Minute), late)
			isOut(w, lead, true, "after the stop")
			w.settle(lead, w.wants(resume, 90*time.Second))
			isOut(w, lead, true, "after a resume of before")
		}},
		{"an undated stop is a new word once it was taken back", func(w *world) {
			lead := w.lead()
			undated := w.wants(stop, 0)
			undated.Undated = true
			say := func(want []bool, when string, items ...followup.Item) {
				w.Helper()
				for i := range items {
					items[i].At = w.now
				}
				w.is(w.settle(lead, items...).Fresh, want, "fresh %s", when)
				isOut(w, lead, true, when)
				w.pass(time.Minute)
			}
			say([]bool{true}, "at first", undated)
			say([]bool{false}, "again", undated)
			w.settle(lead, w.wants(resume, 0))
			isOut(w, lead, false, "after a resume")
			w.pass(time.Minute)
			say([]bool{true, false}, "twice after a resume", undated, undated)
			say([]bool{false}, "again after that", undated)
			say([]bool{true, true}, "behind a resume", w.wants(resume, 0), undated)
			same := w.wants(resume, 0)
			same.OptOutAt = w.now.Add(-time.Minute)
			say([]bool{true, false}, "behind a resume of the instant of the stop", same, undated)
			early := w.wants(resume, 0)
			early.OptOutAt = w.now.Add(-time.Hour)
			say([]bool{true, false}, "behind a resume of before", early, undated)
			known := w.wants(stop, 0)
			say([]bool{true}, "with a date", known)
			w.settle(lead, w.wants(resume, 0))
			w.pass(time.Minute)
			say([]bool{false, true}, "behind a stop that is known, after a resume", known, undated)
			dated := undated
			dated.Undated = false
			w.settle(lead, w.wants(resume, 0))
			w.is(w.settle(lead, dated).Fresh, []bool{false}, "fresh, with a date")
		}},
		{"a change by the API counts as now", func(w *world) {
			lead := w.lead()
			set := func(out bool) { w.edit(lead, func(l *followup.Lead) { l.OptedOut = out }) }
			set(true)
			w.settle(lead, w.wants(resume, time.Millisecond))
			isOut(w, lead, true, "after a resume of before")
			w.pass(time.Minute)
			set(false)
			w.settle(lead, w.wants(stop, followup.ResumeMargin+time.Second))
			isOut(w, lead, false, "after a stop of before")
			// A stop that is dated within the margin before the resume, as from the same second or
			// by a clock that is a little behind, is believed.
			w.settle(lead, w.wants(stop, followup.ResumeMargin))
			isOut(w, lead, true, "after a stop of about then")
		}},
		{"a write that does not change OptedOut is no word", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.wants(stop, time.Hour))
			w.edit(lead, func(l *followup.Lead) { l.Name = "Ana" })
			w.settle(lead, w.wants(resume, time.Minute))
			isOut(w, lead, false, "after a resume of before the write")
		}},
		{"a receipt counts with its own time", func(w *world) {
			lead := w.lead()
			a, b := w.guardSend(lead, false).Attempt, w.guardSend(lead, false).Attempt
			w.settle(lead, w.wants(resume, time.Minute))
			for _, row := range []struct {
				about followup.AttemptID
				ago   time.Duration
				want  bool
			}{{a, time.Hour, false}, {b, time.Second, true}} {
				it := w.receipt(row.about, providers.StatusFailed, providers.OptedOut)
				it.At = w.now.Add(-row.ago)
				w.settle(lead, it)
				isOut(w, lead, row.want, "after a receipt of "+row.ago.String()+" ago")
			}
		}},
		{"the answer of a call counts as now", func(w *world) {
			bySend, byStep := w.lead(), w.lead()
			w.start(byStep)
			c, a := w.sending()
			f := w.result(c, a)
			f.OptOut = true
			w.finish(f)
			w.recordSend(bySend, w.guardSend(bySend, false).Attempt, func(r *followup.RecordSend) { r.OptOut = true })
			for _, lead := range []followup.LeadID{bySend, byStep} {
				w.settle(lead, w.wants(resume, time.Millisecond))
				isOut(w, lead, true, "after a resume of before")
			}
			w.pass(time.Second)
			for _, lead := range []followup.LeadID{bySend, byStep} {
				w.settle(lead, w.wants(resume, 0))
				isOut(w, lead, false, "after a resume since")
			}
		}},
		{"of two leads that are merged, the later word counts", func(w *world) {
			const never = -1
			for _, row := range []struct {
				name                   string
				older, younger         bool
				olderSaid, youngerSaid time.Duration // how long ago each said it; never: it said nothing
				want                   bool
			}{
				{"the winner's stop is later", stop, resume, time.Minute, time.Hour, true},
				{"the loser's stop is later", resume, stop, time.Hour, time.Minute, true},
				{"the winner's resume is later", resume, stop, time.Minute, time.Hour, false},
				{"the loser's resume is later", stop, resume, time.Hour, time.Minute, false},
				{"the winner's stop of the same instant", stop, resume, time.Minute, time.Minute, true},
				{"the loser's stop of the same instant", resume, stop, time.Minute, time.Minute, true},
				{"the loser said nothing", stop, resume, time.Minute, never, true},
				{"the winner said nothing", resume, stop, never, time.Minute, true},
			} {
				older, younger, join := w.two()
				if row.olderSaid != never {
					w.settle(older, w.wants(row.older, row.olderSaid))
				}
				if row.youngerSaid != never {
					w.settle(younger, w.wants(row.younger, row.youngerSaid))
				}
				join()
				isOut(w, older, row.want, "where "+row.name)
				w.settle(older, w.wants(!row.want, time.Minute+time.Second))
				isOut(w, older, row.want, "after an older word, where "+row.name)
			}
		}},
	}
}
