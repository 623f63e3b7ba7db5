package storetest

import (
	"errors"

	"github.com/google/uuid"

	"wagate/followup"
)

// eraseTests: erasing a lead reaches everything.
func eraseTests() []test {
	return []test{
		{"an erasure reaches everything", func(w *world) {
			who := followup.Identity{Phone: newPhone(), UserID: newUser(), ExternalID: "crm-1"}
			lead := w.resolve(who)
			w.settle(lead, w.message("secret"))
			run := w.start(lead)
			w.must(w.finishDelivery(w.delivery(), rejected), "FinishDelivery")
			letter := w.letter()
			c, a := w.sending()
			w.settle(lead, w.note("waiting"))
			out := w.delivery()
			w.settle(lead, w.note("behind"))
			l := w.get(lead)

			w.must(w.s.EraseLead(w.ctx, w.tenant, lead, w.now), "EraseLead")

			for name, call := range map[string]func() error{
				"Lead":       func() error { _, err := w.s.Lead(w.ctx, w.tenant, lead); return err },
				"Run":        func() error { _, err := w.s.Run(w.ctx, w.tenant, run); return err },
				"Runs":       func() error { _, err := w.s.Runs(w.ctx, w.tenant, lead); return err },
				"EraseLead":  func() error { return w.s.EraseLead(w.ctx, w.tenant, lead, w.now) },
				"DeadLetter": func() error { _, err := w.s.DeadLetter(w.ctx, letter.ID); return err },
				"Resolve": func() error {
					_, err := w.s.Resolve(w.ctx, w.tenant, who, false, w.now)
					return err
				},
			} {
				if err := call(); !errors.Is(err, followup.ErrNotFound) {
					w.Errorf("%s: got %v, want ErrNotFound", name, err)
				}
			}
			w.said(lead)
			w.is(len(w.deliveries()), 0, "deliveries")
			if err := w.finishDelivery(out, delivered); !errors.Is(err, followup.ErrStale) {
				w.Errorf("FinishDelivery: got %v, want ErrStale", err)
			}
			w.is(w.guard(c).Refusal, followup.RefusedStale, "guard")
			if _, err := w.s.FinishStep(w.ctx, w.result(c, a)); !errors.Is(err, followup.ErrStale) {
				w.Errorf("FinishStep: got %v, want ErrStale", err)
			}
			_, err := w.s.PutLead(w.ctx, followup.PutLead{Lead: l, Now: w.now, Real: w.now})
			w.is(moved(err), true, "PutLead says that the lead moved (%v)", err)
			_, err = w.s.Settle(w.ctx, followup.Settlement{
				Tenant: w.tenant, Lead: lead, Items: []followup.Item{w.message("hi")}, Now: w.now, Real: w.now,
			})
			w.is(moved(err), true, "Settle says that the lead moved (%v)", err)
			w.is(w.guardSend(lead, false).Refusal, followup.RefusedLeadMoved, "GuardSend")
			ids, n := w.list(followup.LeadFilter{Limit: 10})
			w.is(len(ids)+n, 0, "leads listed")
			w.pass(2 * lease)
			w.is(len(w.claims()), 0, "steps")
			w.is(len(w.deliveries()), 0, "deliveries after the lease")
			_, n, err = w.s.DeadLetters(w.ctx, w.tenant, 10, 0)
			w.must(err, "DeadLetters")
			w.is(n, 0, "dead letters")
		}},
		{"an erasure leaves ids of messages and idempotency keys", func(w *world) {
			lead := w.lead()
			ref := followup.MessageRef{Attempt: w.guardSend(lead, false).Attempt, SenderID: "wamid." + uuid.NewString()}
			_, err := w.s.LinkMessage(w.ctx, w.tenant, ref)
			w.must(err, "LinkMessage")
			begin := func(want followup.KeyState, answer string) {
				k, err := w.s.BeginKey(w.ctx, w.tenant, "k", "p", w.now, lease)
				w.must(err, "BeginKey")
				w.is(k.State, want, "key")
				w.is(string(k.Answer), answer, "answer")
			}
			begin(followup.KeyNew, "")
			w.must(w.s.FinishKey(w.ctx, w.tenant, "k", []byte("sealed"), w.now), "FinishKey")
			w.must(w.s.EraseLead(w.ctx, w.tenant, lead, w.now), "EraseLead")
			begin(followup.KeyDone, "sealed")
			got, err := w.s.Message(w.ctx, w.tenant, ref.SenderID, nil)
			w.must(err, "Message")
			w.is(got, ref, "message")
		}},
		{"a contact that writes after its erasure is a new lead", func(w *world) {
			who := followup.Identity{Phone: newPhone()}
			lead := w.resolve(who)
			w.edit(lead, func(l *followup.Lead) { l.Name = "Ana" })
			m := w.message("hi")
			w.settle(lead, m)
			w.must(w.s.EraseLead(w.ctx, w.tenant, lead, w.now), "EraseLead")
			again := w.resolve(who)
			w.is(again != lead, true, "a new id")
			w.is(w.get(again).Name, "", "name")
			w.is(w.settle(again, m).Fresh, []bool{true}, "fresh")
		}},
	}
}
