package ingest

import "testing"

// TestI4ReceiptNumberIsDialledNumber: a receipt may name the number in another form than the one
// dialled, because WhatsApp corrects it. A message from the receipt's number is the same lead's and
// opens its window.
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

// TestI4LateNoticeKeepsWindowOfNewNumber: if a contact has already written from a new number, the
// notice of the change does not close the window of that number, however late it comes.
func TestI4LateNoticeKeepsWindowOfNewNumber(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-60), "hi")))
	h.meta(t, messages("n-sales", text("15550100002", "wamid.2", minute(0), "from my new number")))
	h.meta(t, systemNotice(`"from":"15550100001",`, `"type":"user_changed_number","wa_id":"15550100002"`)) // its time is minute -1
	l := h.lead(t, tenantA, "15550100001")
	if l.Phone != "15550100002" || !l.WindowOpen(metaSales, now) {
		t.Errorf("got phone %s and window open %v, want the new phone and an open window", l.Phone, l.WindowOpen(metaSales, now))
	}
}
