package ingest

import "testing"

// TestI4ReceiptNumberIsDialledNumber: a receipt names the number that WhatsApp took the one dialled
// for. Who writes from that has opened the window of the lead that was written to.
func TestI4ReceiptNumberIsDialledNumber(t *testing.T) {
	t.Parallel()
	const dialled, is = "541123456789", "5491123456789"
	h := newHarness(t, nil)
	lead, v := h.send(t, tenantA, dialled, sales, metaSales)
	h.meta(t, messages("n-sales", status(is, "wamid.o", "delivered", v.Opaque)))
	h.meta(t, messages("n-sales", text(is, "wamid.1", minute(-1), "hi")))
	l := h.lead(t, tenantA, is)
	if l.ID != lead || !l.WindowOpen(metaSales, now) {
		t.Errorf("got lead %s (phone %s) and window open %v, want %s and open", l.ID, l.Phone, l.WindowOpen(metaSales, now), lead)
	}
}

// TestI4LateNoticeKeepsWindowOfNewNumber: who has changed his number and written from the new one may be
// written to there, whenever the notice of the change comes.
func TestI4LateNoticeKeepsWindowOfNewNumber(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-60), "hi")))
	h.meta(t, messages("n-sales", text("15550100002", "wamid.2", minute(0), "from my new number")))
	h.meta(t, systemNotice(`"from":"15550100001",`, `"type":"user_changed_number","wa_id":"15550100002"`)) // of minute -1
	l := h.lead(t, tenantA, "15550100001")
	if l.Phone != "15550100002" || !l.WindowOpen(metaSales, now) {
		t.Errorf("got phone %s and window open %v, want the new one and open", l.Phone, l.WindowOpen(metaSales, now))
	}
}
