package ingest

import (
	"fmt"
	"testing"
)

// A phone in both of its spellings.
const (
	longPhone  = "5511912345678"
	shortPhone = "551112345678"
)

// systemNotice is a notice that a contact changed.
func systemNotice(from, rest string) string {
	return messages("n-sales", `"messages":[{`+from+`"id":"wamid.s","timestamp":"`+fmt.Sprint(minute(-1))+
		`","type":"system","system":{"body":"x",`+rest+`}}]`)
}

// TestSpellingsAreOneLead: whoever writes under both spellings of his phone is
// one lead with one conversation, addressed as he was called last.
func TestSpellingsAreOneLead(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.meta(t, messages("n-sales", text(longPhone, "wamid.1", minute(-5), "1"), text(shortPhone, "wamid.2", minute(-4), "2")))
	h.meta(t, messages("n-sales", text(longPhone, "wamid.3", minute(-3), "3")))
	h.meta(t, messages("n-sales", text(shortPhone, "wamid.4", minute(-2), "4"), text(shortPhone, "wamid.2", minute(-4), "2")))
	if n := h.leads(t, tenantA); n != 1 {
		t.Errorf("got %d leads, want 1", n)
	}
	ds := h.relayed(t, sales)
	if len(ds) != 1 {
		t.Fatalf("got %d deliveries, want one conversation", len(ds))
	}
	said := ""
	for _, e := range ds[0].Events {
		said += member(t, string(e.Value), "messages", 0, "text", "body")
	}
	if said != "1234" {
		t.Errorf("got %s relayed, want 1234: each once and in order", said)
	}
	if got := h.lead(t, tenantA, longPhone).Phone; got != shortPhone {
		t.Errorf("got phone %s, want %s as he was called last", got, shortPhone)
	}
}

// TestRekeyInAnotherSpelling: the notice may spell the old phone otherwise than
// the record; and one that changes nothing but the spelling is no new identity.
func TestRekeyInAnotherSpelling(t *testing.T) {
	t.Parallel()
	changed := func(to string) string {
		return systemNotice(fmt.Sprintf(`"from":%q,`, longPhone), fmt.Sprintf(`"type":"user_changed_number","wa_id":%q`, to))
	}
	h := newHarness(t, nil)
	h.meta(t, messages("n-sales", text(shortPhone, "wamid.1", minute(-60), "hi")))
	h.meta(t, changed("15550100002"))
	l := h.lead(t, tenantA, shortPhone)
	if l.Phone != "15550100002" || l.WindowOpen(metaSales, now) {
		t.Errorf("got phone %s and window open %v, want the new one and closed", l.Phone, l.WindowOpen(metaSales, now))
	}

	h = newHarness(t, nil)
	h.meta(t, messages("n-sales", text(longPhone, "wamid.1", minute(-60), "hi")))
	h.meta(t, changed(shortPhone))
	l = h.lead(t, tenantA, shortPhone)
	if l.Phone != shortPhone || !l.WindowOpen(metaSales, now) {
		t.Errorf("got phone %s and window open %v, want the new spelling and open", l.Phone, l.WindowOpen(metaSales, now))
	}
	if n := h.leads(t, tenantA); n != 1 {
		t.Errorf("got %d leads, want 1", n)
	}
}
