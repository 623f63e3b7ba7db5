package storetest

import (
	"time"
	_ "time/tzdata" // provides the time zones on every machine

	"wagate/followup"
	"wagate/followup/window"
)

// calendarTests: a day is 24 hours, whatever the wall clock or the calendar does in it. Due times,
// windows and leases end to the millisecond.
func calendarTests() []test {
	var tests []test
	for _, row := range []struct {
		name, zone string
		from       string // wall-clock time shortly before the change
		wall       time.Duration
	}{
		{"clocks go forward in Brazil", "America/Sao_Paulo", "2018-11-03 12:00", 25 * time.Hour},
		{"clocks go back in Brazil", "America/Sao_Paulo", "2019-02-16 12:00", 23 * time.Hour},
		{"clocks go forward in Europe", "Europe/Berlin", "2027-03-27 12:00", 25 * time.Hour},
		{"clocks go back in Europe", "Europe/Berlin", "2027-10-30 12:00", 23 * time.Hour},
		{"a day that no year had before", "America/Sao_Paulo", "2028-02-28 23:30", 24 * time.Hour},
		{"a leap day", "Europe/Berlin", "2028-02-29 00:30", 24 * time.Hour},
	} {
		tests = append(tests, test{row.name, func(w *world) {
			zone, err := time.LoadLocation(row.zone)
			w.must(err, "LoadLocation")
			from, err := time.ParseInLocation("2006-01-02 15:04", row.from, zone)
			w.must(err, "Parse")
			to := from.Add(window.Length)
			_, before := from.Zone()
			_, after := to.Zone()
			w.is(window.Length+time.Duration(after-before)*time.Second, row.wall, "what the wall's clock makes of a day")

			w.now = from
			lead := w.lead()
			w.settle(lead, w.opening())
			arm := w.arm()
			arm.Interval = followup.Step{Interval: "P1D"}.Wait()
			run := w.startWith(lead, arm)
			w.at(w.run(run).DueAt, to, "due")
			w.now = to.Add(-time.Millisecond)
			w.is(len(w.claims()), 0, "claims a millisecond before")
			w.is(window.Open(from, w.now, false), true, "the window a millisecond before")
			w.now = to
			c := w.claim()
			w.is(c.Lead.WindowOpen(w.main, w.now), false, "the window when the step is decided")
			w.is(w.guardWith(c, func(g *followup.GuardStep) { g.FreeForm = true }).Refusal, followup.RefusedWindow, "guard")
			w.pass(lease - time.Millisecond)
			w.is(len(w.claims()), 0, "claims a millisecond before the lease ends")
			w.pass(time.Millisecond)
			w.is(w.claim().Run.ID, run, "claimed again as the lease ends")
		}})
	}
	return tests
}
