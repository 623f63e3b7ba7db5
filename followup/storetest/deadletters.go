package storetest

import (
	"errors"
	"slices"
	"time"

	"wagate/followup"
)

// deadLetterTests: events that were given up can be listed, read, replayed and dropped.
func deadLetterTests() []test {
	// kill turns the head of the only queue into a dead letter.
	kill := func(w *world) followup.DeadLetter {
		w.must(w.finishDelivery(w.delivery(), rejected), "FinishDelivery")
		list, _, err := w.s.DeadLetters(w.ctx, w.tenant, 1, 0)
		w.must(err, "DeadLetters")
		if len(list) != 1 {
			w.Fatalf("dead letters: got %d, want 1", len(list))
		}
		return list[0]
	}
	return []test{
		{"a dead letter keeps its reason, and the queue goes on", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.note("1"), w.note("2"))
			queued := w.now
			d, _ := w.claimDeliveries(1, 1)
			w.pass(time.Second)
			w.must(w.finishDelivery(d[0], rejected), "FinishDelivery")
			w.is(w.told(w.sales), []string{"2"}, "told after")
			letter := w.letter()
			w.is(letter.Tenant, w.tenant, "tenant")
			w.is(letter.Assistant, w.sales, "assistant")
			w.is(letter.Lead, lead, "lead")
			w.is(letter.Channel, w.main, "channel")
			w.is(letter.Reason, "rejected", "reason")
			w.is(letter.Attempts, 1, "attempts")
			w.is(letter.Count, 1, "count")
			w.is(len(letter.Events), 0, "events in the list")
			w.at(letter.QueuedAt, queued, "QueuedAt")
			w.at(letter.DeadAt, w.now, "DeadAt")
			full, err := w.s.DeadLetter(w.ctx, letter.ID)
			w.must(err, "DeadLetter")
			w.is(w.say(full.Events), []string{"1"}, "events")
		}},
		{"a dead letter is replayed at the end of its queue, once", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.note("1"))
			letter := kill(w)
			w.settle(lead, w.note("2"))
			w.must(w.s.ReplayDead(w.ctx, letter.ID, w.now), "ReplayDead")
			w.is(w.told(w.sales), []string{"2", "1"}, "told")
			if err := w.s.ReplayDead(w.ctx, letter.ID, w.now); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("ReplayDead of a replayed letter: got %v, want ErrNotFound", err)
			}
			_, n, err := w.s.DeadLetters(w.ctx, w.tenant, 10, 0)
			w.must(err, "DeadLetters")
			w.is(n, 0, "letters left")
		}},
		{"a raw webhook is replayed as it was", func(w *world) {
			it := w.item()
			it.Relay = &followup.RelayEvent{Channel: w.main, Field: "messages", Raw: &followup.RawWebhook{
				Body: []byte("\xff\x00"), Header: map[string]string{"Content-Type": "text/plain"},
			}}
			w.settle(w.lead(), it)
			letter := kill(w)
			full, err := w.s.DeadLetter(w.ctx, letter.ID)
			w.must(err, "DeadLetter")
			w.is(full.Events, []followup.RelayEvent{*it.Relay}, "events")
			w.must(w.s.ReplayDead(w.ctx, letter.ID, w.now), "ReplayDead")
			w.is(w.delivery().Events, []followup.RelayEvent{*it.Relay}, "events replayed")
		}},
		{"a dropped letter is gone", func(w *world) {
			w.settle(w.lead(), w.note("1"))
			letter := kill(w)
			w.must(w.s.DropDead(w.ctx, letter.ID), "DropDead")
			if _, err := w.s.DeadLetter(w.ctx, letter.ID); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("DeadLetter of a dropped letter: got %v, want ErrNotFound", err)
			}
			if err := w.s.DropDead(w.ctx, letter.ID); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("DropDead of a dropped letter: got %v, want ErrNotFound", err)
			}
			w.is(w.told(w.sales), []string{}, "told")
		}},
		{"dead letters are listed newest first, by pages, per tenant", func(w *world) {
			var want []string
			for range 3 {
				w.settle(w.lead(), w.note("1"))
				want = append(want, kill(w).ID)
				w.pass(time.Second)
			}
			slices.Reverse(want)
			var got []string
			for offset := range 4 {
				list, n, err := w.s.DeadLetters(w.ctx, w.tenant, 1, offset)
				w.must(err, "DeadLetters")
				w.is(n, 3, "total")
				for _, d := range list {
					got = append(got, d.ID)
				}
			}
			w.is(got, want, "order")
			_, n, err := w.s.DeadLetters(w.ctx, w.tenantNextDoor().tenant, 10, 0)
			w.must(err, "DeadLetters")
			w.is(n, 0, "letters of another tenant")
			_, n, err = w.s.DeadLetters(w.ctx, "", 1, 0)
			w.must(err, "DeadLetters")
			w.is(n >= 3, true, "letters of all tenants are at least ours (%d)", n)
		}},
	}
}
