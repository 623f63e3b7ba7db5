package outbound_test

import (
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// TestI4DialledNumberSharesWindow: WhatsApp answers a send with the number that it made of the one
// dialled (Argentina's 9, a trunk zero). A message from that number opens the window for the
// dialled number too.
func TestI4DialledNumberSharesWindow(t *testing.T) {
	t.Parallel()
	const dialled, is = "541123456789", "5491123456789"
	bubble(t, func(h *harness) {
		h.meta.extra.Contact = providers.Contact{Phone: is}
		h.is(h.post(number, template(dialled, "hi"), "").Status, 200, "template")
		lead, err := h.store.Resolve(h.Context(), tenant, followup.Identity{Phone: is}, false, time.Now())
		h.must(err, "Resolve")
		time.Sleep(time.Second)
		_, err = h.store.Settle(h.Context(), followup.Settlement{
			Tenant: tenant, Lead: lead, Contact: providers.Contact{Phone: is}, Now: time.Now(), Real: time.Now(),
			Items: []followup.Item{{Channel: onMeta, Assistant: assistant, At: time.Now(), Opens: true, Reply: true}},
		})
		h.must(err, "Settle")
		h.is(h.post(number, text(is), "").Status, 200, "to the number that wrote")
		h.is(h.post(number, text(dialled), "").Status, 200, "to the number dialled")
		l, err := h.store.Lead(h.Context(), tenant, lead)
		h.must(err, "Lead")
		h.is(l.WindowOpen(onMeta, time.Now()), true, "window open for the phone on record, which follow-ups use")
	})
}
