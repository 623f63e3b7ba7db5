package inbound

import (
	"slices"
	"testing"
)

// newBooks returns books with two leads of one tenant and one lead of another. Events 0 to 2 are
// the first lead's, 3 is the second's, 4 is the other tenant's, and 5 is forged.
func newBooks() books {
	one, other := &tenant{number: 1}, &tenant{number: 2}
	ada, bea, cem := &lead{tenant: one}, &lead{tenant: one}, &lead{tenant: other}
	b := books{events: []event{
		{lead: ada, nth: 0}, {lead: ada, nth: 1}, {lead: ada, nth: 2}, {lead: bea, nth: 0}, {lead: cem, nth: 0}, {lead: ada, nth: -1},
	}}
	b.sent = []bool{true, true, true, true, true, true}
	b.acked = []bool{true, true, true, true, true, false}
	return b
}

// tryOf returns an arrival: a try that brought events under a webhook-id, and its answer.
func tryOf(tenant int, id string, status int, events ...int) arrival {
	return arrival{tenant: tenant, delivery: id, status: status, events: events}
}

// TestTally: each edit of the books must change the account as described.
func TestTally(t *testing.T) {
	t.Parallel()
	good := []arrival{tryOf(1, "a", 200, 0, 1), tryOf(1, "b", 200, 3), tryOf(2, "c", 200, 4), tryOf(1, "d", 200, 2)}
	well := tally{sent: 5, acked: 5, delivered: 5}
	for _, c := range []struct {
		name string
		edit func(*books)
		want func(*tally)
	}{
		{"nothing is wrong", func(*books) {}, func(*tally) {}},
		{
			"a try failed and was repeated",
			func(b *books) { b.arrivals = append([]arrival{tryOf(1, "a", 500, 0, 1)}, b.arrivals...) },
			func(t *tally) { t.repeated = 1 },
		},
		{
			"never shown",
			func(b *books) { b.arrivals = b.arrivals[:3] },
			func(t *tally) { t.delivered, t.lost = 4, 1 },
		},
		{
			"shown, but not taken",
			func(b *books) { b.arrivals[3].status = 500 },
			func(t *tally) { t.delivered, t.lost = 4, 1 },
		},
		{
			"never shown, but never acknowledged",
			func(b *books) { b.arrivals, b.acked[2] = b.arrivals[:3], false },
			func(t *tally) { t.delivered, t.acked, t.open = 4, 4, 1 },
		},
		{
			"never sent",
			func(b *books) { b.arrivals, b.acked[2], b.sent[2] = b.arrivals[:3], false, false },
			func(t *tally) { t.delivered, t.acked, t.sent = 4, 4, 4 },
		},
		{
			"rejected, and a dead letter",
			func(b *books) { b.arrivals[3].status = 422; b.dead = []int{2} },
			func(t *tally) { t.delivered, t.dead = 4, 1 },
		},
		{
			"rejected, but no dead letter",
			func(b *books) { b.arrivals[3].status = 422 },
			func(t *tally) { t.delivered, t.lost = 4, 1 },
		},
		{
			"shown under two webhook-ids",
			func(b *books) { b.arrivals = append(b.arrivals, tryOf(1, "e", 200, 2)) },
			func(t *tally) { t.doubled = 1 },
		},
		{
			"shown under three webhook-ids, which counts once",
			func(b *books) { b.arrivals = append(b.arrivals, tryOf(1, "e", 200, 2), tryOf(1, "f", 200, 2)) },
			func(t *tally) { t.doubled = 1 },
		},
		{
			"shown under two webhook-ids, after a failed try that may have been taken",
			func(b *books) { b.arrivals[3].status = 0; b.arrivals = append(b.arrivals, tryOf(1, "e", 200, 2)) },
			func(t *tally) { t.doubled = 1 },
		},
		{
			"rejected and split",
			func(b *books) {
				b.arrivals[0].status = 422
				b.arrivals = slices.Insert(b.arrivals, 1, tryOf(1, "e", 422, 0), tryOf(1, "f", 200, 1))
				b.dead = []int{0}
			},
			func(t *tally) { t.delivered, t.dead = 4, 1 },
		},
		{
			"rejected at first, then taken under the same webhook-id, then under another",
			func(b *books) {
				b.arrivals[3].status = 422
				b.arrivals = append(b.arrivals, tryOf(1, "d", 200, 2), tryOf(1, "e", 200, 2))
			},
			func(t *tally) { t.repeated, t.doubled = 1, 1 },
		},
		{
			"out of order",
			func(b *books) { b.arrivals[0], b.arrivals[3] = b.arrivals[3], b.arrivals[0] },
			func(t *tally) { t.reordered = 2 },
		},
		{
			"shown in order, but taken out of order",
			func(b *books) {
				b.arrivals[0].status = 500
				b.arrivals = append(b.arrivals, tryOf(1, "a", 200, 0, 1))
			},
			func(t *tally) { t.repeated, t.reordered = 1, 2 },
		},
		{
			"out of order within a delivery",
			func(b *books) { b.arrivals[0].events = []int{1, 0} },
			func(t *tally) { t.reordered = 1 },
		},
		{
			"shown in order, and repeated later",
			func(b *books) { b.arrivals = append(b.arrivals, tryOf(1, "a", 200, 0, 1)) },
			func(t *tally) { t.repeated = 1 },
		},
		{
			"forged",
			func(b *books) { b.arrivals[1].forged = 2 },
			func(t *tally) { t.admitted = 2 },
		},
		{
			"shown to another tenant's assistant",
			func(b *books) { b.arrivals[2].tenant = 1 },
			func(t *tally) { t.astray = 1 },
		},
		{
			"sent by nobody",
			func(b *books) { b.arrivals[1].events = []int{3, strange}; b.dead = []int{strange} },
			func(t *tally) { t.unknown = 2 },
		},
		{
			"repeated with another body",
			func(b *books) {
				again := tryOf(1, "a", 200, 0, 1)
				again.sum = 7
				b.arrivals = append(b.arrivals, again)
			},
			func(t *tally) { t.changed = 1 },
		},
		{
			"badly signed",
			func(b *books) { b.arrivals[1].unsigned = true },
			func(t *tally) { t.unsigned = 1 },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, want := newBooks(), well
			b.arrivals = append([]arrival{}, good...)
			c.edit(&b)
			c.want(&want)
			got, wrong := b.tally()
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if bad := max(got.lost, got.doubled, got.reordered); len(wrong) < bad || bad == 0 && len(wrong) > 0 {
				t.Errorf("wrong events: got %d, want at least %d", len(wrong), bad)
			}
		})
	}
}

// TestLedger: an event must be missing until an assistant takes it, or rejects it, alone, as often
// as rejections says.
func TestLedger(t *testing.T) {
	t.Parallel()
	l := newLedger(newBooks().events)
	want := func(when string, missing, open int) {
		t.Helper()
		if m, o := l.missing(), l.open(); m != missing || o != open {
			t.Errorf("%s: got %d missing and %d open, want %d and %d", when, m, o, missing, open)
		}
	}
	want("at first", 0, 0)
	l.post([]int{0, 1, 3})
	want("posted", 0, 3)
	l.acknowledge([]int{0, 1, 3})
	want("acknowledged", 3, 0)
	l.answer(l.arrive(tryOf(1, "a", 0, 0, 1)), 422)
	l.answer(l.arrive(tryOf(1, "b", 0, 3)), 500)
	want("answered with errors", 3, 0)
	l.answer(l.arrive(tryOf(1, "b", 0, 3)), 204)
	want("taken", 2, 0)
	for range rejections {
		want("being rejected", 2, 0)
		l.answer(l.arrive(tryOf(1, "c", 0, 0)), 422)
	}
	want("rejected for good", 1, 0)
}
