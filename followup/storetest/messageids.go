package storetest

import (
	"wagate/followup"
	"wagate/providers"
)

// messageIDTests: the id of an uncertain step's message is learnt from its receipts, and an id that
// is known stays.
func messageIDTests() []test {
	receipt := func(w *world, a followup.AttemptID, state providers.StatusState, id string) followup.Item {
		it := w.receipt(a, state, "")
		it.Receipt.MessageID = id
		return it
	}
	uncertain := func(w *world, c followup.Claimed, a followup.AttemptID, id string) {
		f := w.result(c, a)
		f.Outcome, f.Reason, f.MessageID = followup.Uncertain, followup.NoAnswer, id
		w.finish(f)
	}
	known := func(w *world, run followup.RunID, want string) {
		w.Helper()
		w.is(w.run(run).Timeline[0].MessageID, want, "MessageID")
	}
	return []test{
		{"from the receipt that settles the step", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			uncertain(w, c, a, "")
			w.settle(lead, receipt(w, a, providers.StatusDelivered, "wamid.7"))
			known(w, run, "wamid.7")
		}},
		{"from a receipt that came before the result", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.settle(lead, receipt(w, a, providers.StatusDelivered, "wamid.7"))
			uncertain(w, c, a, "")
			known(w, run, "wamid.7")
		}},
		{"from the first receipt that has one", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.settle(lead, receipt(w, a, providers.StatusAccepted, "wamid.7"), receipt(w, a, providers.StatusSent, "wamid.8"))
			uncertain(w, c, a, "")
			known(w, run, "wamid.7")
		}},
		{"from a receipt that came to the winner of a merge", func(w *world) {
			older, younger, join := w.two()
			run := w.start(younger)
			c, a := w.sending()
			uncertain(w, c, a, "")
			join()
			w.settle(older, receipt(w, a, providers.StatusDelivered, "wamid.7"))
			known(w, run, "wamid.7")
		}},
		{"an id that the call returned stays", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			uncertain(w, c, a, "wamid.1")
			w.settle(lead, receipt(w, a, providers.StatusDelivered, "wamid.7"))
			known(w, run, "wamid.1")
		}},
	}
}
