package ingest

import (
	"fmt"
	"strings"
	"testing"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/providers"
)

// inGroup makes a text message one of a group.
func inGroup(group, message string) string {
	return replace(message, `"type":"text"`, fmt.Sprintf(`"group_id":%q,"type":"text"`, group))
}

// groupStatus returns the members of a value with a read status of a message to a group.
func groupStatus(group, id string) string {
	return replace(status(group, id, "read", ""), `"recipient_id"`, `"recipient_type":"group","recipient_id"`)
}

// TestStrangersNeverShareRequest: events of different contacts and of the account go to the
// assistant in separate requests, even if no contact is a lead.
func TestStrangersNeverShareRequest(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	var values, want []string
	for i := range 20 {
		phone, user := fmt.Sprintf("1555010%04d", i), fmt.Sprintf("US.%d", i)
		values = append(values, status(phone, fmt.Sprintf("wamid.p%d", i), "sent", ""), status(user, fmt.Sprintf("wamid.u%d", i), "sent", ""))
		want = append(want,
			fmt.Sprintf("%s wamid.p%d wamid.q%d", followup.ContactLead(tenantA, followup.Identity{Phone: phone}), i, i),
			fmt.Sprintf("%s wamid.u%d", followup.ContactLead(tenantA, followup.Identity{UserID: user}), i))
	}
	for i := range 20 {
		values = append(values, status(fmt.Sprintf("1555010%04d", i), fmt.Sprintf("wamid.q%d", i), "sent", ""))
	}
	values = append(values, `"errors":[{"code":130429,"title":"Rate limit hit"}]`, status("", "wamid.nobody", "sent", ""))
	want = append(want, string(followup.AccountLead(metaSales))+" wamid.nobody")
	h.meta(t, messages("n-sales", values...))
	h.meta(t, fieldOf("smb_message_echoes", "n-sales", echo("15550100000", "wamid.e")))
	for i, w := range want {
		if strings.HasSuffix(w, " wamid.q0") {
			want[i] += " wamid.e"
		}
	}
	h.wantConversations(t, want...)
	if n := h.leads(t, tenantA); n != 0 {
		t.Errorf("got %d leads, want none", n)
	}
}

// TestGroupIsItsOwnConversation: what members say in a group is the group's conversation, in order.
// It never joins what they say to the business alone.
func TestGroupIsItsOwnConversation(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.meta(t, messages("n-sales", text("15550100001/US.1", "wamid.1", minute(-9), "hi")))
	run := h.arm(t, tenantA, "15550100001", sales, metaSales)
	h.meta(t, messages("n-sales",
		inGroup("g1", text("15550100001/US.1", "wamid.g1", minute(-8), "all")),
		inGroup("g2", text("15550100001/US.1", "wamid.h1", minute(-7), "others")),
		inGroup("g1", text("15550100002", "wamid.g2", minute(-6), "answer")),
		groupStatus("g1", "wamid.g3"),
		text("15550100001/US.1", "wamid.2", minute(-5), "only you")))
	h.meta(t, fieldOf("smb_message_echoes", "n-sales", replace(echo("15550100001", "wamid.g4"), `"type":"text"`, `"group_id":"g1","type":"text"`)))
	lead := h.lead(t, tenantA, "15550100001")
	h.wantConversations(t, string(lead.ID)+" wamid.1 wamid.2",
		string(followup.GroupLead(metaSales, "g1"))+" wamid.g1 wamid.g2 wamid.g3 wamid.g4",
		string(followup.GroupLead(metaSales, "g2"))+" wamid.h1")
	if got := h.run(t, tenantA, run); got.Reason != followup.Replied {
		t.Errorf("got run %s %s, want it ended by the message to the business alone", got.State, got.Reason)
	}
	if n := h.leads(t, tenantA); n != 1 {
		t.Errorf("got %d leads, want 1: speaking in a group creates no lead", n)
	}
	entries, err := h.store.History(t.Context(), lead.ID, metaSales, now)
	if err != nil || len(entries) != 2 {
		t.Errorf("got history %v (%v), want two entries: hi, only you", entries, err)
	}
}

// TestGroupMessageIsNoReply: a message in a group affects neither the silence nor the window of its
// sender, and opts nobody out.
func TestGroupMessageIsNoReply(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	run := h.arm(t, tenantA, "15550100001", sales, metaSales)
	due := h.run(t, tenantA, run).DueAt
	h.meta(t, messages("n-sales", inGroup("g1", text("15550100001", "wamid.g1", minute(0), "STOP"))))
	h.meta(t, fieldOf("smb_message_echoes", "n-sales", replace(echo("15550100001", "wamid.g2"), `"type":"text"`, `"group_id":"g1","type":"text"`)))
	if got := h.run(t, tenantA, run); got.State != followup.RunArmed || !got.DueAt.Equal(due) {
		t.Errorf("got run %s due %v, want it still armed and due %v", got.State, got.DueAt, due)
	}
	if l := h.lead(t, tenantA, "15550100001"); len(l.Windows) != 0 || l.OptedOut {
		t.Errorf("got windows %v and opted out %v, want none and false", l.Windows, l.OptedOut)
	}
	if got := h.events(providers.Meta, providers.KindGroup); got != 1 {
		t.Errorf("got %v events of groups, want 1", got)
	}
}

// TestGroupMessageLinksIdentities: the phone and the user id in a group message are of one person,
// outside the group too.
func TestGroupMessageLinksIdentities(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.meta(t, messages("n-sales", inGroup("g1", text("15550100001/US.1", "wamid.g1", minute(-2), "all"))))
	h.meta(t, messages("n-sales", text("US.1", "wamid.1", minute(-1), "hi")))
	h.meta(t, messages("n-sales", text("15550100001", "wamid.2", minute(0), "me")))
	if n := h.leads(t, tenantA); n != 1 {
		t.Errorf("got %d leads, want 1", n)
	}
	h.wantConversations(t, string(h.lead(t, tenantA, "US.1").ID)+" wamid.1 wamid.2",
		string(followup.GroupLead(metaSales, "g1"))+" wamid.g1")
}

// TestStrangersEventsMoveToLead: what came for a contact before the contact became a lead moves to
// the lead's conversation. Sent again, it is a duplicate.
func TestStrangersEventsMoveToLead(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	first := messages("n-sales", status(longPhone, "wamid.o", "sent", ""))
	h.meta(t, first)
	h.meta(t, messages("n-sales", text(shortPhone, "wamid.1", minute(0), "hi")))
	h.meta(t, first)
	h.wantConversations(t, string(h.lead(t, tenantA, longPhone).ID)+" wamid.o wamid.1")
	if got := h.duplicates(providers.Meta); got != 1 {
		t.Errorf("got %v duplicates, want 1", got)
	}
}

// TestStatusAndMessageInOneBody: a status, and behind it the message that makes its contact a lead,
// are one conversation.
func TestStatusAndMessageInOneBody(t *testing.T) {
	t.Parallel()
	for range 30 { // leads are settled in parallel, so try often
		h := newHarness(t, nil)
		h.meta(t, messages("n-sales", status("15550100001", "wamid.o", "sent", ""), text("15550100001", "wamid.1", minute(0), "hi")))
		h.wantConversations(t, string(h.lead(t, tenantA, "15550100001").ID)+" wamid.o wamid.1")
	}
}

// TestErasureReachesStandIns: erasing a lead also removes what waits for the contact. What is said
// of the contact later is relayed under a stand-in.
func TestErasureReachesStandIns(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-1), "hi")))
	lead := h.lead(t, tenantA, "15550100001").ID
	h.meta(t, messages("n-sales", status("15550100001", "wamid.o", "sent", "")))
	if err := h.store.EraseLead(t.Context(), tenantA, lead, now); err != nil {
		t.Fatal(err)
	}
	h.wantConversations(t)
	h.meta(t, messages("n-sales", status("15550100001", "wamid.o", "read", "")))
	h.wantConversations(t, string(followup.ContactLead(tenantA, followup.Identity{Phone: "15550100001"}))+" wamid.o")
	if n := h.leads(t, tenantA); n != 0 {
		t.Errorf("got %d leads, want none", n)
	}
}

// TestI2LeadCreatedMeanwhile: one replica finds that a status belongs to no lead. Before it settles
// the status, another replica creates the lead and settles the same status. The status must be
// relayed once, in the lead's order.
func TestI2LeadCreatedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{"no event before": "", "a status before": "wamid.0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := memstore.New()
			m := &tappedStore{Store: s}
			late, other := newHarnessOn(t, s, func(p *Params) { p.Store = m }), newHarnessOn(t, s, nil)
			want := " wamid.1 wamid.o"
			if first != "" {
				other.meta(t, messages("n-sales", status("15550100001", first, "sent", "")))
				want = " " + first + want
			}
			told := messages("n-sales", status("15550100001", "wamid.o", "sent", ""))
			m.settle = beforeSettle(func() {
				other.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-1), "hi")))
				other.meta(t, told)
			})
			late.meta(t, told)
			if got := late.duplicates(providers.Meta); got != 1 {
				t.Errorf("got %v duplicates, want 1", got)
			}
			other.wantConversations(t, string(other.lead(t, tenantA, "15550100001").ID)+want)
		})
	}
}
