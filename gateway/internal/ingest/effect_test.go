package ingest

import (
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// What is relayed names the account: for Meta the one that the event names, for Gupshup the
// channel's, because Gupshup names an app by id at one time and by name at another.
func TestRelayedAccount(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	meta := &followup.Channel{ID: metaSales, Provider: providers.Meta, Account: "of the file"}
	gup := &followup.Channel{ID: gupSales, Provider: providers.Gupshup, Account: gupAppID}
	bare := &followup.Channel{ID: gupSales, Provider: providers.Gupshup}
	for name, c := range map[string]struct {
		channel *followup.Channel
		want    string
	}{
		"Meta": {meta, "told"}, "Gupshup": {gup, gupAppID}, "Gupshup, none in the file": {bare, "told"},
	} {
		it := h.item(&arrival{channel: c.channel, event: &providers.Event{Kind: providers.KindText, Account: "told"}}, now)
		if it.Relay == nil || it.Relay.Account != c.want {
			t.Errorf("%s: got %+v, want account %s", name, it.Relay, c.want)
		}
	}
}

// An unknown message is a reply; an unknown notice about the contact, which has no message id, is not.
func TestUnknownNoticeIsNoReply(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	for id, want := range map[string]bool{"wamid.1": true, "": false} {
		e := &providers.Event{Kind: providers.KindUnknown, MessageID: id, At: now}
		if it := h.item(&arrival{channel: &followup.Channel{ID: metaSales}, event: e}, now); it.Reply != want || it.Opens {
			t.Errorf("message id %q: got reply %v and opens %v, want %v and false", id, it.Reply, it.Opens, want)
		}
	}
}

// Only a preference without a time is undated: a message that says stop was sent once.
func TestUndatedPreference(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	for name, c := range map[string]struct {
		event providers.Event
		want  bool
	}{
		"preference":       {providers.Event{Kind: providers.KindPreference, Preference: &providers.Preference{Stop: true}}, true},
		"dated preference": {providers.Event{Kind: providers.KindPreference, Preference: &providers.Preference{Stop: true}, At: now}, false},
		"word":             {providers.Event{Kind: providers.KindText, Text: "STOP", MessageID: "wamid.1"}, false},
	} {
		it := h.item(&arrival{channel: &followup.Channel{ID: metaSales}, event: &c.event}, now)
		if it.OptOut == nil || !*it.OptOut || it.Undated != c.want {
			t.Errorf("%s: got %+v, want an opt-out, undated %v", name, it, c.want)
		}
	}
}

// A changed number closes the window that the contact opened by the user id, though that stays.
func TestI4NumberChangeClosesWindowOfUserID(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.resolve(t, followup.Identity{Phone: "15550100001", UserID: "US.1"}, now.Add(-time.Hour))
	h.meta(t, messages("n-sales", text("US.1", "wamid.1", minute(-60), "hi")))
	if !h.lead(t, tenantA, "US.1").WindowOpen(metaSales, now) {
		t.Fatal("got the window closed after a message, want it open")
	}
	h.meta(t, systemNotice(`"from":"15550100001",`, `"type":"user_changed_number","wa_id":"15550100002"`))
	l := h.lead(t, tenantA, "US.1")
	if l.WindowOpen(metaSales, now) || !l.Windows[metaSales].Refused {
		t.Error("got the window open after the change, want it closed")
	}
	if l.Phone != "15550100002" || l.UserID != "US.1" {
		t.Errorf("got phone %q and user id %q, want the new phone and the same user id", l.Phone, l.UserID)
	}
}

// A parked receipt keeps what it says, the message's id and the time it came.
func TestParkedReceiptIsWhole(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	_, v := h.send(t, tenantA, "15550100001", sales, metaSales)
	h.meta(t, messages("n-sales", status("15550100001", "wamid.o", "delivered", "")))
	parked, err := h.store.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: v.Attempt, SenderID: "wamid.o"})
	if err != nil || len(parked) != 1 {
		t.Fatalf("got %v, %v, want one parked receipt", parked, err)
	}
	p := parked[0]
	if p.Channel != metaSales || !p.At.Equal(now) || p.Receipt.State != providers.StatusDelivered || p.Receipt.MessageID != "wamid.o" {
		t.Errorf("got %+v, want what came, at %v", p, now)
	}
}

// A receipt that was parked takes effect on the channel it came on, for the time it came at.
func TestParkedItem(t *testing.T) {
	t.Parallel()
	at := now.Add(-time.Minute)
	a := &arrival{channel: &followup.Channel{ID: metaSales, Assistant: sales}}
	it := parkedItem(a, followup.Parked{At: at, Receipt: followup.Receipt{State: providers.StatusFailed}})
	if it.Channel != metaSales || it.Assistant != sales || !it.At.Equal(at) || it.Relay != nil || it.Receipt.State != providers.StatusFailed {
		t.Errorf("got %+v, want the receipt on its channel at %v and nothing relayed", it, at)
	}
}

// What Gupshup sends in its own format is relayed as on the channel's number.
func TestGupshupNumberIsTold(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.gupshup(t, gupText("wamid.1", "15550100001", "hi"))
	values := h.values(t, sales)
	if len(values) != 1 || member(t, values[0], "metadata", "display_phone_number") != "15550142200" {
		t.Errorf("got %v, want one value with the channel's number", values)
	}
}

// Items of Gupshup's that cannot be read are counted.
func TestGupshupUndecodableCounted(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.gupshup(t, `{"gs_app_id":"`+gupAppID+`",`+messages("410000000000002", `"messages":[17]`)[1:])
	if got := h.droppedFor(providers.Gupshup, dropUndecodable); got != 1 {
		t.Errorf("got %v dropped, want 1", got)
	}
}
