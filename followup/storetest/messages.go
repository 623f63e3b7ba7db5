package storetest

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/providers"
)

// messageTests: a message of ours is found by each of its ids, and a receipt that comes before the
// message is known waits.
func messageTests() []test {
	link := func(w *world, ref followup.MessageRef) []followup.Parked {
		w.Helper()
		p, err := w.s.LinkMessage(w.ctx, w.tenant, ref)
		w.must(err, "LinkMessage")
		return p
	}
	known := func(w *world, id string, want followup.MessageRef) {
		w.Helper()
		got, err := w.s.Message(w.ctx, w.tenant, id, nil)
		w.must(err, "Message")
		w.is(got, want, "message by %s", id)
	}
	id := func() string { return "wamid." + uuid.NewString() }
	return []test{
		{"a message is found by each of its ids", func(w *world) {
			ref := followup.MessageRef{Attempt: w.lead().Attempt(1), SenderID: id(), ProviderID: id(), Opaque: "ref=\"7\" é"}
			w.is(len(link(w, ref)), 0, "parked")
			known(w, ref.SenderID, ref)
			known(w, ref.ProviderID, ref)
		}},
		{"sender's and provider's id may be the same", func(w *world) {
			same := id()
			ref := followup.MessageRef{Attempt: w.lead().Attempt(1), SenderID: same, ProviderID: same}
			link(w, ref)
			known(w, same, ref)
		}},
		{"an unknown id is not found", func(w *world) {
			unknown := id()
			for range 2 {
				if _, err := w.s.Message(w.ctx, w.tenant, unknown, nil); !errors.Is(err, followup.ErrNotFound) {
					w.Errorf("Message: got %v, want ErrNotFound", err)
				}
			}
			w.is(len(link(w, followup.MessageRef{SenderID: unknown})), 0, "parked by a look")
		}},
		{"a second id is learnt, the attempt stays", func(w *world) {
			ref := followup.MessageRef{Attempt: w.lead().Attempt(1), SenderID: id(), Opaque: "mine"}
			link(w, ref)
			known(w, ref.SenderID, ref)
			ref.ProviderID = id()
			link(w, followup.MessageRef{SenderID: ref.SenderID, ProviderID: ref.ProviderID})
			known(w, ref.SenderID, ref)
			known(w, ref.ProviderID, ref)
			link(w, followup.MessageRef{Attempt: w.lead().Attempt(9), SenderID: ref.SenderID, ProviderID: ref.ProviderID})
			known(w, ref.SenderID, ref)
		}},
		{"a third id is learnt, and the first two stay", func(w *world) {
			ref := followup.MessageRef{Attempt: w.lead().Attempt(1), SenderID: id(), ProviderID: id(), Opaque: "mine"}
			link(w, ref)
			third, fourth := id(), id()
			link(w, followup.MessageRef{SenderID: ref.SenderID, ProviderID: third})
			link(w, followup.MessageRef{SenderID: fourth, ProviderID: third})
			for _, by := range []string{ref.SenderID, ref.ProviderID, third, fourth} {
				known(w, by, ref)
			}
		}},
		{"a message without an attempt is kept, and learns its attempt later", func(w *world) {
			ref := followup.MessageRef{SenderID: id(), ProviderID: id()}
			link(w, ref)
			known(w, ref.ProviderID, ref)
			ref.Attempt = w.lead().Attempt(1)
			link(w, ref)
			known(w, ref.ProviderID, ref)
		}},
		{"a receipt that came before its message is handed over", func(w *world) {
			ref := followup.MessageRef{Attempt: w.lead().Attempt(1), SenderID: id(), ProviderID: id()}
			park := func(by string, state providers.StatusState) followup.Parked {
				p := followup.Parked{
					Channel: w.main, At: w.now,
					Receipt: followup.Receipt{State: state, Kind: providers.Capped},
				}
				if _, err := w.s.Message(w.ctx, w.tenant, by, &p); !errors.Is(err, followup.ErrNotFound) {
					w.Errorf("Message: got %v, want ErrNotFound", err)
				}
				return p
			}
			first := park(ref.ProviderID, providers.StatusSent)
			w.pass(time.Second)
			second := park(ref.SenderID, providers.StatusFailed)
			// A process that was handed the receipts may die before they take effect. So they are
			// handed over again, and looking up the message says that they wait.
			for _, again := range []followup.MessageRef{ref, ref, {SenderID: ref.SenderID}, {ProviderID: ref.ProviderID}} {
				got := link(w, again)
				w.is(len(got), 2, "parked")
				for _, want := range []followup.Parked{first, second} {
					found := false
					for _, p := range got {
						found = found || p.At.Equal(want.At) && p.Receipt == want.Receipt && p.Channel == want.Channel
					}
					w.is(found, true, "%+v is among %+v", want, got)
				}
			}
			waiting := ref
			waiting.Waiting = true
			known(w, ref.SenderID, waiting)
			known(w, ref.ProviderID, waiting)
		}},
		{"Opaque is known from the guard on", func(w *world) {
			lead := w.lead()
			guard := func(opaque string, previous followup.AttemptID) followup.AttemptID {
				v, err := w.s.GuardSend(w.ctx, followup.GuardSend{
					Tenant: w.tenant, Lead: lead, Channel: w.main, Assistant: w.sales, Opaque: opaque, Previous: previous,
					Now: w.now, Real: w.now,
				})
				w.must(err, "GuardSend")
				return v.Attempt
			}
			wants := func(a followup.AttemptID, want string) {
				w.Helper()
				got, err := w.s.Opaque(w.ctx, w.tenant, a)
				w.must(err, "Opaque")
				w.is(got, want, "opaque of %s", a)
			}
			first, none := guard("order \"7\" é\n/😀", ""), guard("", "")
			wants(first, "order \"7\" é\n/😀")
			wants(none, "")
			w.is(guard("order \"7\" é\n/😀", first), first, "attempt of the retry")
			w.recordSend(lead, first, func(*followup.RecordSend) {})
			w.settle(lead, w.receipt(first, providers.StatusDelivered, ""))
			wants(first, "order \"7\" é\n/😀")
			w.start(lead)
			_, step := w.sending()
			wants(step, "")
		}},
		{"Opaque is known after a merge, and erased with the lead", func(w *world) {
			older, younger, join := w.two()
			v, err := w.s.GuardSend(w.ctx, followup.GuardSend{
				Tenant: w.tenant, Lead: younger, Channel: w.main, Assistant: w.sales, Opaque: "mine", Now: w.now, Real: w.now,
			})
			w.must(err, "GuardSend")
			join()
			got, err := w.s.Opaque(w.ctx, w.tenant, v.Attempt)
			w.must(err, "Opaque")
			w.is(got, "mine", "opaque after the merge")

			a := w.guardSend(older, false).Attempt
			w.must(w.s.EraseLead(w.ctx, w.tenant, older, w.now), "EraseLead")
			if got, err := w.s.Opaque(w.ctx, w.tenant, a); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("Opaque of an erased lead: got %q, %v, want ErrNotFound", got, err)
			}
		}},
		{"I10: an id is the tenant's own", func(w *world) {
			door := w.tenantNextDoor().tenant
			ref := followup.MessageRef{Attempt: w.lead().Attempt(1), SenderID: id(), Opaque: "mine"}
			provider := id()
			link(w, ref)
			// The tenant next door does not know the message. What that tenant learns or parks
			// under the same ids is about a message of its own.
			park := &followup.Parked{Channel: w.second, Receipt: followup.Receipt{State: providers.StatusFailed}, At: w.now}
			for _, by := range []string{ref.SenderID, provider} {
				if got, err := w.s.Message(w.ctx, door, by, park); !errors.Is(err, followup.ErrNotFound) {
					w.Errorf("Message of another tenant: got %+v, %v, want ErrNotFound", got, err)
				}
			}
			w.is(len(link(w, followup.MessageRef{SenderID: ref.SenderID, ProviderID: provider})), 0, "parked by another tenant")
			theirs := followup.MessageRef{Attempt: w.lead().Attempt(7), SenderID: ref.SenderID, ProviderID: id()}
			parked, err := w.s.LinkMessage(w.ctx, door, theirs)
			w.must(err, "LinkMessage")
			w.is(len(parked), 1, "parked by the tenant itself")
			ref.ProviderID = provider
			known(w, ref.SenderID, ref)
			got, err := w.s.Message(w.ctx, door, theirs.SenderID, nil)
			w.must(err, "Message")
			theirs.Waiting = true
			w.is(got, theirs, "message of another tenant")
		}},
		{"no receipt is parked under a known id", func(w *world) {
			ref := followup.MessageRef{Attempt: w.lead().Attempt(1), SenderID: id()}
			link(w, ref)
			got, err := w.s.Message(w.ctx, w.tenant, ref.SenderID, &followup.Parked{At: w.now})
			w.must(err, "Message")
			w.is(got, ref, "message")
			w.is(len(link(w, ref)), 0, "parked")
		}},
	}
}

// statsTests: the state for gauges. Other tests may share the store, so each value is compared with
// what it was before.
func statsTests() []test {
	stats := func(w *world) followup.Stats {
		w.Helper()
		st, err := w.s.Stats(w.ctx, w.now, w.now)
		w.must(err, "Stats")
		return st
	}
	return []test{
		{"windows", func(w *world) {
			before := stats(w).WindowsOpen
			lead := w.lead()
			w.settle(lead, w.opening())
			w.is(stats(w).WindowsOpen, before+1, "after one opened")
			w.recordSend(lead, w.guardSend(lead, true).Attempt, func(r *followup.RecordSend) { r.CloseWindow = true })
			w.is(stats(w).WindowsOpen, before, "after it was refused")
			w.pass(time.Second)
			w.settle(lead, w.opening())
			w.pass(24*time.Hour - time.Millisecond)
			w.is(stats(w).WindowsOpen, 1, "1 ms before it closes")
			w.pass(time.Millisecond)
			w.is(stats(w).WindowsOpen, 0, "when it has closed")
		}},
		{"steps", func(w *world) {
			before := stats(w)
			w.start(w.lead())
			w.is(stats(w).StepsPending, before.StepsPending+1, "pending when armed")
			w.pass(interval + time.Minute)
			w.is(stats(w).StepsOverdue, time.Minute, "overdue")
			c := w.claim()
			w.is(stats(w).StepsPending, before.StepsPending+1, "pending when claimed")
			w.is(stats(w).StepsOverdue, time.Duration(0), "overdue when claimed")
			f := w.result(c, "")
			f.Next = -1
			w.finish(f)
			w.is(stats(w).StepsPending, before.StepsPending, "pending after the last")
		}},
		{"relay", func(w *world) {
			before := stats(w)
			w.settle(w.lead(), w.note("1"), w.note("2"))
			w.is(stats(w).RelayPending, before.RelayPending+1, "conversations pending")
			w.pass(time.Minute)
			w.is(stats(w).RelayLag, time.Minute, "lag")
			d := w.delivery()
			w.is(stats(w).RelayLag, time.Minute, "lag while it is out")
			w.must(w.finishDelivery(d, rejected), "FinishDelivery")
			w.is(stats(w).RelayPending, before.RelayPending, "conversations pending after")
			w.is(stats(w).RelayDead, before.RelayDead+1, "dead")
		}},
		{"ping", func(w *world) { w.must(w.s.Ping(w.ctx), "Ping") }},
	}
}
