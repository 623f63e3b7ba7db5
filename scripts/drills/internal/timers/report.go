package timers

import (
	"maps"
	"slices"
	"strings"

	"wagate/scripts/internal/figure"
)

// account draws up the account and judges it.
func (d *drill) account(done map[blowKind]int) error {
	j := d.journal
	j.mu.Lock()
	books := make([]book, len(d.leads))
	deeds := map[what]int{}
	answers := map[answer]int{}
	for i, l := range d.leads {
		books[i] = l.book
		for _, a := range l.book.deeds {
			deeds[a.what]++
		}
		for _, c := range l.book.calls {
			answers[c.answer]++
		}
	}
	t := draw(books)
	j.mu.Unlock()
	for _, e := range t.examples {
		d.Printf("%s\n", e)
	}
	count := func(name string, n int) { d.Figure(name, float64(n)) }
	count("leads", len(d.leads))
	for _, w := range slices.Sorted(maps.Keys(deeds)) {
		count("leads_"+underlined(string(w)), deeds[w])
	}
	count("runs", t.runs)
	count("steps", t.steps)
	for _, o := range slices.Sorted(maps.Keys(t.outcomes)) {
		count("steps_"+o, t.outcomes[o])
	}
	count("calls", t.calls)
	for _, a := range slices.Sorted(maps.Keys(answers)) {
		count("calls_answered_"+underlined(string(a)), answers[a])
	}
	count("messages_that_reached", t.accepted)
	count("calls_at_the_time_of_a_reply_or_stop", t.near)
	count("receipts", int(j.receipts.Load()))
	count("model_requests", int(j.modelCalls.Load()))
	count("model_requests_that_failed", int(j.modelFailed.Load()))
	count("deliveries_to_assistants", int(j.deliveries.Load()))
	count("requests", int(j.posts.Load()))
	count("requests_unanswered", int(j.unanswered.Load()))
	count("requests_answered_503", int(j.busy.Load()))
	want := d.sizes.single
	if d.Cluster {
		want = d.sizes.cluster
	}
	for _, b := range []struct {
		kind blowKind
		want int
	}{{killWagate, want.wagate}, {killRedis, want.redis}, {flush, want.flushes}, {killMaster, want.masters}, {moveSlot, want.slots}} {
		if b.want > 0 {
			d.Judge(underlined(string(b.kind)), float64(done[b.kind]), figure.AtLeast(float64(b.want)))
		}
	}
	for _, s := range sins {
		d.Judge(string(s), float64(t.wrong[s]), figure.AtMost(0))
	}
	d.Judge("asked_of_nobody", float64(j.strangers.Load()), figure.AtMost(0))
	d.Judge("requests_answered_otherwise", float64(j.otherwise.Load()), figure.AtMost(0))
	d.Judge("wagate_fell_by_itself", float64(d.fleet.Fell()), figure.AtMost(0))
	return nil
}

func underlined(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, ",", ""), " ", "_") }
