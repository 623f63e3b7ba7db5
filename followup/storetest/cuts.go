package storetest

import (
	"strings"

	"wagate/followup"
)

// cutTests: how much of a queue makes one delivery.
func cutTests() []test {
	return []test{
		{"about MaxBytes, but always one", func(w *world) {
			lead := w.lead()
			for _, text := range []string{"a", "b", "c", "LARGE", "d", "e"} {
				size := 1000
				if text == "LARGE" {
					size = 9000
				}
				w.settle(lead, w.note(text+strings.Repeat(".", size)))
			}
			for _, want := range []string{"a b", "c", "LARGE", "d e"} {
				d := w.deliveryWith(followup.ClaimDeliveries{Limit: 1, MaxEvents: 10, MaxBytes: 3000})
				w.is(strings.ReplaceAll(strings.Join(w.say(d.Events), " "), ".", ""), want, "events")
				w.must(w.finishDelivery(d, delivered), "FinishDelivery")
			}
		}},
	}
}
