package ingest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"wagate/followup"
)

// The two spellings of one phone.
const (
	longPhone  = "5511912345678"
	shortPhone = "551112345678"
)

// systemNotice returns a body with a system notice that a contact changed. from may name the
// contact by phone, and rest has the change.
func systemNotice(from, rest string) string {
	return messages("n-sales", `"messages":[{`+from+`"id":"wamid.s","timestamp":"`+fmt.Sprint(minute(-1))+
		`","type":"system","system":{"body":"x",`+rest+`}}]`)
}

// TestSpellingsAreOneLead: a contact who writes under both spellings of a phone is one lead with
// one conversation. The lead's phone is in the spelling of the last message.
func TestSpellingsAreOneLead(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.meta(t, messages("n-sales", text(longPhone, "wamid.1", minute(-5), "1"), text(shortPhone, "wamid.2", minute(-4), "2")))
	h.meta(t, messages("n-sales", text(longPhone, "wamid.3", minute(-3), "3")))
	h.meta(t, messages("n-sales", text(shortPhone, "wamid.4", minute(-2), "4"), text(shortPhone, "wamid.2", minute(-4), "2")))
	if n := h.leads(t, tenantA); n != 1 {
		t.Errorf("got %d leads, want 1", n)
	}
	l := h.lead(t, tenantA, longPhone)
	if l.Phone != shortPhone {
		t.Errorf("got phone %s, want %s, the last spelling", l.Phone, shortPhone)
	}
	h.wantConversations(t, string(l.ID)+" wamid.1 wamid.2 wamid.3 wamid.4")
}

// TestRekeyInAnotherSpelling: a notice may spell the old phone in another way than the record. A
// notice that changes only the spelling is no new identity, so the window stays open.
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
		t.Errorf("got phone %s and window open %v, want the new phone and a closed window", l.Phone, l.WindowOpen(metaSales, now))
	}

	h = newHarness(t, nil)
	h.meta(t, messages("n-sales", text(longPhone, "wamid.1", minute(-60), "hi")))
	h.meta(t, changed(shortPhone))
	l = h.lead(t, tenantA, shortPhone)
	if l.Phone != shortPhone || !l.WindowOpen(metaSales, now) {
		t.Errorf("got phone %s and window open %v, want the new spelling and an open window", l.Phone, l.WindowOpen(metaSales, now))
	}
	if n := h.leads(t, tenantA); n != 1 {
		t.Errorf("got %d leads, want 1", n)
	}
}

// TestMentionDoesNotChangePhone: an event that merely mentions a contact does not change how the
// lead's phone is spelled.
func TestMentionDoesNotChangePhone(t *testing.T) {
	t.Parallel()
	for name, mention := range map[string]string{
		"status": messages("n-sales", status(longPhone, "wamid.m", "sent", "")),
		"echo":   fieldOf("smb_message_echoes", "n-sales", echo(longPhone, "wamid.m")),
	} {
		h := newHarness(t, nil)
		h.meta(t, messages("n-sales", text(shortPhone, "wamid.1", minute(-1), "hi")))
		h.meta(t, mention)
		l := h.lead(t, tenantA, shortPhone)
		if l.Phone != shortPhone {
			t.Errorf("%s: got phone %s, want %s", name, l.Phone, shortPhone)
		}
		h.wantConversations(t, string(l.ID)+" wamid.1 wamid.m")
	}
}

// TestStatusLinksIdentities: the phone and the user id in a status of a message of ours are
// identities of the lead that the message was sent to.
func TestStatusLinksIdentities(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"by our opaque data": false, "by the message id": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			lead, v := h.send(t, tenantA, "15550100001", sales, metaSales)
			opaque := v.Opaque
			if known {
				opaque = ""
				h.link(t, v, "wamid.o")
			}
			h.meta(t, messages("n-sales", status("15550100001/US.1", "wamid.o", "sent", opaque)))
			if l := h.lead(t, tenantA, "US.1"); l.ID != lead || l.UserID != "US.1" {
				t.Errorf("got lead %s with user id %q, want %s and US.1", l.ID, l.UserID, lead)
			}
			h.meta(t, messages("n-sales", text("US.1", "wamid.1", minute(0), "hi")))
			h.meta(t, messages("n-sales", text("15550100001", "wamid.2", minute(0), "it is me")))
			if n := h.leads(t, tenantA); n != 1 {
				t.Errorf("got %d leads, want 1", n)
			}
			h.wantConversations(t, string(lead)+" wamid.o wamid.1 wamid.2")
		})
	}
}

// TestStatusMergesLeads: a status may show that the lead that a message was sent to, and a lead who
// wrote without a phone, are one. They are merged before the status is settled, so the status takes
// effect for the merged lead.
func TestStatusMergesLeads(t *testing.T) {
	t.Parallel()
	for name, sentAt := range map[string]time.Duration{
		"sent to the older lead": -2 * time.Hour, "sent to the younger lead": -time.Hour / 2,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			h.resolve(t, followup.Identity{UserID: "US.1"}, now.Add(-time.Hour))
			h.resolve(t, followup.Identity{Phone: "15550100001"}, now.Add(sentAt))
			h.meta(t, messages("n-sales", text("US.1", "wamid.1", minute(-60), "hi")))
			_, v := h.send(t, tenantA, "15550100001", sales, metaSales)
			failed := replace(status("15550100001/US.1", "wamid.o", "failed", v.Opaque), `"status":"failed"`,
				`"status":"failed","errors":[{"code":131050}]`)
			h.meta(t, messages("n-sales", failed))
			h.meta(t, messages("n-sales", failed)) // again
			l := h.lead(t, tenantA, "US.1")
			if !l.OptedOut || l.Phone != "15550100001" || l.UserID != "US.1" {
				t.Errorf("got opted out %v, phone %q and user id %q, want the merged lead opted out, with both identities", l.OptedOut, l.Phone, l.UserID)
			}
			if n := h.leads(t, tenantA); n != 1 {
				t.Errorf("got %d leads, want 1", n)
			}
			h.wantConversations(t, string(l.ID)+" wamid.1 wamid.o")
		})
	}
}

// TestReceiptOfMergedLead: a status that names no contact takes effect for the lead that its lead
// was merged into.
func TestReceiptOfMergedLead(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	older := h.resolve(t, followup.Identity{UserID: "US.1"}, now.Add(-time.Hour))
	_, v := h.send(t, tenantA, "15550100001", sales, metaSales)
	if got := h.resolve(t, followup.Identity{Phone: "15550100001", UserID: "US.1"}, now); got != older {
		t.Fatalf("got %s, want the leads merged into %s", got, older)
	}
	failed := replace(status("", "wamid.o", "failed", v.Opaque), `"status":"failed"`,
		`"status":"failed","errors":[{"code":131050}]`)
	h.meta(t, messages("n-sales", failed))
	if !h.lead(t, tenantA, "US.1").OptedOut {
		t.Error("got not opted out, want opted out by the receipt")
	}
	h.wantConversations(t, string(older)+" wamid.o")
}

// TestMentionByPhoneAndUserIDCreatesLead: an event that mentions a contact by phone and user id
// creates a lead, because it may be the only event that says that both are one person. Whatever
// comes later under either identity is in that lead's one conversation.
func TestMentionByPhoneAndUserIDCreatesLead(t *testing.T) {
	t.Parallel()
	for name, mention := range map[string]string{
		"status": messages("n-sales", status("15550100001/US.1", "wamid.m", "sent", "")),
		"echo":   fieldOf("smb_message_echoes", "n-sales", echo("15550100001/US.1", "wamid.m")),
	} {
		for _, order := range [][2]string{{"US.1", "15550100001"}, {"15550100001", "US.1"}} {
			h := newHarness(t, nil)
			h.meta(t, mention)
			h.meta(t, mention) // again
			l := h.lead(t, tenantA, "US.1")
			if l.Phone != "15550100001" || l.UserID != "US.1" || !l.Windows[metaSales].LastInbound.IsZero() {
				t.Errorf("%s: got %+v, want a lead with both identities and no window", name, l)
			}
			h.meta(t, messages("n-sales", text(order[0], "wamid.1", minute(-1), "hi")))
			h.meta(t, messages("n-sales", text(order[1], "wamid.2", minute(0), "me")))
			if n := h.leads(t, tenantA); n != 1 {
				t.Errorf("%s: got %d leads, want 1", name, n)
			}
			h.wantConversations(t, string(l.ID)+" wamid.m wamid.1 wamid.2")
		}
	}
}

// TestStatusOfErasedLead: a status of a message to an erased lead does not bring the lead back. If
// the contact has written again, the status belongs to the new lead.
func TestStatusOfErasedLead(t *testing.T) {
	t.Parallel()
	for name, writes := range map[string]bool{"contact stays silent": false, "contact writes again": true} {
		h := newHarness(t, nil)
		lead, v := h.send(t, tenantA, "15550100001", sales, metaSales)
		if err := h.store.EraseLead(t.Context(), tenantA, lead, now); err != nil {
			t.Fatal(err)
		}
		want := 0
		if writes {
			want = 1
			h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(0), "hi")))
		}
		h.meta(t, messages("n-sales", status("15550100001/US.1", "wamid.o", "delivered", v.Opaque)))
		if n := h.leads(t, tenantA); n != want {
			t.Errorf("%s: got %d leads, want %d", name, n, want)
		}
		if writes {
			h.wantConversations(t, string(h.lead(t, tenantA, "US.1").ID)+" wamid.1 wamid.o")
		}
	}
}

// TestLateStatusDoesNotRestorePhone: a status of a message that was sent to the contact's former
// phone does not bring that phone back into the record.
func TestLateStatusDoesNotRestorePhone(t *testing.T) {
	t.Parallel()
	for name, who := range map[string]string{"by the phone alone": "15550100001", "by both": "15550100001/US.1"} {
		h := newHarness(t, nil)
		h.meta(t, messages("n-sales", text("15550100001/US.1", "wamid.1", minute(-60), "hi")))
		_, v := h.send(t, tenantA, "15550100001", sales, metaSales)
		h.meta(t, systemNotice("", `"type":"user_changed_user_id","user_id":"US.2","previous_user_id":"US.1"`))
		h.meta(t, messages("n-sales", status(who, "wamid.o", "read", v.Opaque)))
		if l := h.lead(t, tenantA, "US.2"); l.Phone != "" || l.UserID != "US.2" {
			t.Errorf("%s: got phone %q and user id %q, want no phone and US.2", name, l.Phone, l.UserID)
		}
	}
}

// TestLastItemLinksIdentities: the last item of a body may say that the items before it are of one
// contact. All of them are then in one conversation, in the order of the body.
func TestLastItemLinksIdentities(t *testing.T) {
	t.Parallel()
	for range 30 { // leads are settled in parallel, so try often
		h := newHarness(t, nil)
		h.meta(t, messages("n-sales",
			text("US.1", "wamid.1", minute(-3), "hi"), text("15550100001", "wamid.2", minute(-2), "me"),
			text("15550100001/US.1", "wamid.3", minute(-1), "both")))
		h.wantConversations(t, string(h.lead(t, tenantA, "US.1").ID)+" wamid.1 wamid.2 wamid.3")
	}
}

// wantConversations claims what waits for sales and compares it with want, in any order. The
// strings are those of conversations.
func (h *harness) wantConversations(t *testing.T, want ...string) {
	t.Helper()
	got := h.conversations(t, sales)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("conversations: got %q, want %q", got, want)
	}
}

// resolve resolves an identity at an instant, and creates the lead if there is none.
func (h *harness) resolve(t *testing.T, who followup.Identity, at time.Time) followup.LeadID {
	t.Helper()
	id, err := h.store.Resolve(t.Context(), tenantA, who, true, at)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// link stores a message id for the attempt of a verdict.
func (h *harness) link(t *testing.T, v followup.Verdict, id string) {
	t.Helper()
	if _, err := h.store.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: v.Attempt, SenderID: id, ProviderID: id}); err != nil {
		t.Fatal(err)
	}
}
