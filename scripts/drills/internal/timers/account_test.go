package timers

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// zero is when the lead's book begins; after is an instant that many seconds later.
var zero = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func after(seconds float64) time.Time { return zero.Add(time.Duration(seconds * float64(time.Second))) }

// faultlessBook returns the book of a lead with whom all went right. Its ladder has two prompts and
// a template. The lead got its status at 0, its first step at 2.5 s and its second at 5.5 s, and
// answered at 7 s. At 20 s it was given the other status. Of that run, it is unknown whether the
// first step was sent, and the second met a closed window, so the template was sent in its place.
func faultlessBook() book {
	return book{
		name:       "Ada",
		speed:      900,
		ladder:     []rung{ai("PT30M", 30*time.Minute), ai("PT45M", 45*time.Minute), template("PT1H", time.Hour)},
		windowEnds: after(60),
		deeds: []deed{
			{triggered, after(0), after(0.1)},
			{replied, after(7), after(7.1)},
			{restarted, after(20), after(20.1)},
		},
		calls: []call{
			{at: after(2.4), id: "a", text: true, step: 1, written: after(2.3), answer: notNow},
			{at: after(2.5), id: "b", text: true, step: 1, written: after(2.3), answer: taken, accepted: true, delivered: true},
			{at: after(5.5), id: "c", text: true, step: 2, written: after(5.4), answer: taken, accepted: true},
			{at: after(22.5), id: "d", text: true, step: 1, written: after(22.4), answer: unknown, accepted: true, delivered: true},
			{at: after(25.5), id: "e", text: true, step: 2, written: after(25.4), answer: windowClosed},
			{at: after(25.6), id: "f", step: 3, answer: taken, accepted: true},
		},
		runs: []run{
			{id: "1", state: "ended", reason: "replied", started: after(0.05), moments: []moment{
				{1, "sent", "ai", "b", ""}, {2, "sent", "ai", "c", ""}, {3, "cancelled", "replied", "", ""},
			}},
			{id: "2", state: "ended", reason: "completed", started: after(20.05), moments: []moment{
				{1, "uncertain", "crash", "d", "sent"}, {2, "sent", "template", "f", ""},
			}},
		},
	}
}

// TestAccount: each edit of the faultless book must be counted as the sins that it commits, and as
// no others.
func TestAccount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(*book)
		want []sin
	}{
		{"nothing is wrong", func(*book) {}, nil},
		{
			"a run has not ended",
			func(b *book) {
				b.runs[1].state, b.runs[1].reason = "armed", ""
				b.runs[1].moments = append(b.runs[1].moments, moment{step: 3})
			},
			[]sin{runLive},
		},
		{
			"a run ended with a step to come",
			func(b *book) {
				b.runs[0].moments[1] = moment{step: 2}
				b.calls = slices.Delete(b.calls, 2, 3)
			},
			[]sin{noOutcome},
		},
		{
			"a run was never armed",
			func(b *book) { b.runs, b.calls = b.runs[:1], b.calls[:3] },
			[]sin{runMissing},
		},
		{
			"a run may be missing if wagate never answered its trigger",
			func(b *book) { b.runs, b.calls, b.deeds[2].done = b.runs[:1], b.calls[:3], time.Time{} },
			nil,
		},
		{
			"a run was armed twice",
			func(b *book) { b.runs = append(b.runs, b.runs[1]); b.runs[1].moments = nil; b.runs[1].state = "armed" },
			[]sin{runExtra, runLive},
		},
		{
			"a step was left out",
			func(b *book) { b.runs[0].moments = slices.Delete(b.runs[0].moments, 0, 1); b.calls[1].accepted = false },
			[]sin{noOutcome},
		},
		{
			"a run ended before its last step",
			func(b *book) {
				b.runs[1].moments[1] = moment{2, "failed", "window_closed", "", ""}
				b.calls = b.calls[:5]
			},
			[]sin{noOutcome},
		},
		{
			"a template replaced a refused text, and its outcome is unknown",
			func(b *book) {
				b.runs[1].moments[1] = moment{2, "uncertain", "no_answer", "", ""}
				b.calls[5].answer = unknown
			},
			nil,
		},
		{
			"a template replaced a refused text, and the provider never saw it",
			func(b *book) { b.runs[1].moments[1], b.calls = moment{2, "uncertain", "crash", "", ""}, b.calls[:5] },
			nil,
		},
		{
			"a step was sent after a slow restart of its run was asked for",
			func(b *book) {
				b.deeds = []deed{b.deeds[0], {restarted, after(3.5), after(20.1)}}
				b.runs[0].reason, b.runs[0].moments[2] = "restarted", moment{3, "cancelled", "restarted", "", ""}
				b.runs[1].started = after(3.5)
			},
			nil,
		},
		{
			"a run has no step",
			func(b *book) { b.runs[0].moments, b.calls = nil, b.calls[3:] },
			[]sin{noOutcome},
		},
		{
			"a step has two outcomes",
			func(b *book) { b.runs[0].moments = append(b.runs[0].moments, moment{3, "skipped", "too_late", "", ""}) },
			[]sin{twoOutcomes},
		},
		{
			"an outcome is not in the set",
			func(b *book) { b.runs[0].moments[2].outcome = "dropped" },
			[]sin{badWords},
		},
		{
			"a reason belongs to another outcome",
			func(b *book) { b.runs[0].moments[2].reason = "too_late" },
			[]sin{badWords},
		},
		{
			"a message came long after the reply",
			func(b *book) {
				b.calls[2].at = b.deeds[1].done.Add(b.speed.reach() + time.Millisecond)
				b.calls[2].written = b.deeds[1].done.Add(-time.Millisecond)
			},
			[]sin{afterStop},
		},
		{
			"a message after the reply may have passed the guard before it",
			func(b *book) { b.calls[2].at = b.deeds[1].done.Add(b.speed.reach() - time.Millisecond) },
			nil,
		},
		{
			"a message was written after the reply",
			func(b *book) {
				b.calls[2].written, b.calls[2].at = b.deeds[1].done.Add(time.Millisecond), b.deeds[1].done.Add(2*time.Millisecond)
			},
			[]sin{afterStop},
		},
		{
			"a message came after a reply that wagate never acknowledged",
			func(b *book) { b.calls[2].at, b.deeds[1].done = after(10), time.Time{} },
			nil,
		},
		{
			"a call came long after the reply and was refused",
			func(b *book) {
				b.calls = slices.Insert(b.calls, 3, call{at: after(9.5), id: "x", step: 3, answer: refused})
			},
			[]sin{afterStop},
		},
		{"a message came after the opt-out", func(b *book) { b.deeds[1].what, b.calls[2].written = optedOut, after(7.2); b.calls[2].at = after(7.3) }, []sin{afterStop}},
		{"a message came after the status was left", func(b *book) { b.deeds[1].what, b.calls[2].at = left, after(9.5) }, []sin{afterStop}},
		{"a message came after the run was cancelled", func(b *book) { b.deeds[1].what, b.calls[2].at = cancelled, after(9.5) }, []sin{afterStop}},
		{
			"a message of a run came after the next run began",
			func(b *book) { b.deeds[1].what, b.calls[2].at, b.calls[2].written = restarted, after(9.5), after(9.4) },
			[]sin{afterStop, runMissing},
		},
		{
			"a message came twice",
			func(b *book) {
				again := b.calls[2]
				again.id, again.at = "c2", again.at.Add(300*time.Millisecond)
				b.calls = slices.Insert(b.calls, 3, again)
			},
			[]sin{twice, again, unsentBut},
		},
		{
			"a call whose outcome was unknown was repeated, and the first was not sent",
			func(b *book) { b.calls[0].answer = unknown },
			[]sin{again},
		},
		{
			"a call whose outcome was unknown was repeated, and the first was sent",
			func(b *book) { b.calls[0].answer, b.calls[0].accepted = unknown, true },
			[]sin{again, twice, unsentBut},
		},
		{
			"a call that was refused for good was repeated",
			func(b *book) { b.calls[0].answer = refused },
			[]sin{again},
		},
		{
			"the same prompt in the next run is another step",
			func(b *book) {
				b.calls[3].accepted, b.calls[3].delivered = false, false
				b.runs[1].moments[0] = moment{1, "uncertain", "crash", "", ""}
			},
			nil,
		},
		{
			"a text was sent into a window that had just closed",
			func(b *book) { b.windowEnds = after(5.5).Add(-b.speed.reach() - time.Millisecond) },
			[]sin{intoClosed},
		},
		{
			"a text may have passed the guard before the window closed",
			func(b *book) { b.windowEnds = after(5.5).Add(-b.speed.reach() + time.Millisecond) },
			nil,
		},
		{
			"a text was sent to a lead that never wrote",
			func(b *book) { b.windowEnds = time.Time{} },
			[]sin{intoClosed, intoClosed, intoClosed},
		},
		{
			"a message of the lead opens the window for a day",
			func(b *book) {
				b.deeds = slices.Insert(b.deeds, 0, deed{wrote, after(-1), after(-0.9)})
				b.windowEnds = time.Time{}
			},
			nil,
		},
		{
			"a message of the lead opens the window for no more than a day",
			func(b *book) {
				b.windowEnds = time.Time{}
				b.deeds = slices.Insert(b.deeds, 0, deed{wrote, after(-95), after(-93)})
			},
			[]sin{intoClosed},
		},
		{
			"a message of the lead that wagate never acknowledged may have opened the window",
			func(b *book) {
				b.windowEnds = time.Time{}
				b.deeds = slices.Insert(b.deeds, 0, deed{what: wrote, began: after(-1)})
			},
			nil,
		},
		{
			"a text was sent although the provider had said that the window is closed",
			func(b *book) {
				b.calls[0].answer, b.calls[1].accepted, b.calls[1].delivered = windowClosed, false, false
				b.runs[0].moments[0] = moment{1, "failed", "window_closed", "", ""}
			},
			[]sin{again, intoClosed, intoClosed}, // the second call for it, and the second step
		},
		{
			"the provider said that the window is closed, and wagate did not hear that",
			func(b *book) {
				b.calls = b.calls[1:]
				b.calls[0] = call{at: after(2.5), id: "b", text: true, step: 1, written: after(2.3), answer: windowClosed}
				b.runs[0].moments[0] = moment{1, "uncertain", "crash", "", ""}
			},
			nil,
		},
		{
			"the provider said that the window is closed, and the lead wrote after that",
			func(b *book) {
				b.calls = append(b.calls[1:5:5], call{at: after(40), id: "g", text: true, step: 2, written: after(39), answer: taken, accepted: true})
				b.calls[0] = call{at: after(2.5), id: "b", text: true, step: 1, written: after(2.3), answer: windowClosed}
				b.calls = slices.Delete(b.calls, 1, 2)
				b.runs[0].moments = []moment{{1, "failed", "window_closed", "", ""}, {2, "cancelled", "replied", "", ""}}
				b.runs[1].moments[1] = moment{2, "sent", "ai", "g", ""}
				b.runs[1].moments = append(b.runs[1].moments, moment{3, "skipped", "template_paused", "", ""})
				b.calls[2].answer = notNow
			},
			nil,
		},
		{
			"sent, but the provider never saw a call",
			func(b *book) { b.calls = slices.Delete(b.calls, 2, 3) },
			[]sin{sentNot},
		},
		{
			"sent, but the provider did not take it",
			func(b *book) { b.calls[2].accepted = false },
			[]sin{sentNot},
		},
		{
			"sent without a message id",
			func(b *book) { b.runs[0].moments[1].message = "" },
			[]sin{sentNot, unsentBut},
		},
		{
			"sent under the id of another step's message",
			func(b *book) { b.runs[0].moments[1].message = "b" },
			[]sin{sentNot, unsentBut},
		},
		{
			"settled as sent, but never sent",
			func(b *book) {
				b.calls[3].accepted, b.calls[3].delivered = false, false
				b.runs[1].moments[0].message = "d"
			},
			[]sin{sentNot},
		},
		{
			"cancelled, but sent",
			func(b *book) {
				b.runs[0].moments[1] = moment{2, "cancelled", "replied", "", ""}
				b.runs[0].moments = b.runs[0].moments[:2]
			},
			[]sin{unsentBut},
		},
		{
			"failed, but sent",
			func(b *book) { b.runs[0].moments[1] = moment{2, "failed", "throttled", "", ""} },
			[]sin{unsentBut},
		},
		{
			"uncertain, and sent",
			func(b *book) { b.runs[0].moments[1] = moment{2, "uncertain", "no_answer", "", ""} },
			nil,
		},
		{
			"uncertain, but the message was another step's",
			func(b *book) { b.runs[0].moments[1] = moment{2, "uncertain", "no_answer", "", ""}; b.calls[2].step = 1 },
			[]sin{again, twice, unsentBut},
		},
		{
			"a message came before there was a run",
			func(b *book) { b.calls[0].at = after(1) },
			[]sin{ofNoRun},
		},
		{
			"a delivered receipt settled nothing",
			func(b *book) { b.runs[1].moments[0] = moment{1, "uncertain", "crash", "", ""} },
			[]sin{unsettled},
		},
		{
			"a failed receipt settled nothing",
			func(b *book) { b.calls[2].failed = true },
			[]sin{unsettled},
		},
		{
			"a failed receipt settled the step",
			func(b *book) { b.calls[2].failed, b.runs[0].moments[1].settled = true, "failed" },
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := faultlessBook()
			c.edit(&b)
			want := map[sin]int{}
			for _, s := range c.want {
				want[s]++
			}
			if got := draw([]book{b}); !maps.Equal(got.wrong, want) {
				t.Errorf("got %v, want %v\n%v", got.wrong, want, got.examples)
			}
		})
	}
}

// TestAccountAddsUp: the account must also add up what it only counts.
func TestAccountAddsUp(t *testing.T) {
	t.Parallel()
	b := faultlessBook()
	b.calls[2].at = after(7.5)
	got := draw([]book{b, faultlessBook()})
	if got.runs != 4 || got.steps != 10 || got.calls != 12 || got.accepted != 8 || got.near != 1 {
		t.Errorf("got %+v, want 4 runs, 10 steps, 12 calls, 8 accepted, 1 near a stop", got)
	}
	want := map[string]int{
		"sent_ai": 4, "sent_template": 2, "cancelled_replied": 2, "uncertain_crash": 2, "uncertain_then_sent": 2,
	}
	if !maps.Equal(got.outcomes, want) {
		t.Errorf("outcomes: got %v, want %v", got.outcomes, want)
	}
}
