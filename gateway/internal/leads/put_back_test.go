package leads_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/leads"
	"wagate/providers"
)

func TestGetCanBePutBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	// A number such as providers use for tests, which is nowhere a phone.
	id, err := h.Store.Resolve(h.Ctx(), acme, followup.Identity{Phone: "16505551234567"}, true, h.Now())
	if err != nil {
		t.Fatal(err)
	}
	v := h.get(id)
	if err := h.update(string(id), `{"name":"Ana","custom_fields":{"a":1}}`); err != nil {
		t.Fatal(err)
	}
	h.wrote(v.ID, front, backendtest.Start.Add(-time.Hour)) // no channel_id of its own, but a window
	before := h.get(v.ID)
	h.Advance(time.Hour)
	if err := h.update(string(v.ID), backendtest.JSON(t, before)); err != nil {
		t.Fatalf("put what get gave: %v", err)
	}
	if got, want := backendtest.JSON(t, h.get(v.ID)), backendtest.JSON(t, before); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	h.wrote(v.ID, spare, h.Now()) // before it was put
	now := h.get(v.ID)
	if err := h.update(string(v.ID), backendtest.JSON(t, before)); err != nil {
		t.Errorf("put what get gave before he wrote again: %v", err)
	}
	if got := h.get(v.ID); !got.LastInboundAt.Equal(*now.LastInboundAt) {
		t.Errorf("got last_inbound_at %s, want %s", got.LastInboundAt, now.LastInboundAt)
	}
	err = h.update(string(v.ID), `{"last_inbound_at":"`+now.LastInboundAt.Add(time.Second).Format(time.RFC3339)+`"}`)
	backendtest.WantFault(t, err, fault.Validation, "last_inbound_at: needs a channel_id: a window belongs to a channel")
	v = h.create(`{"name":"Bo","phone":"+5511912345679","channel_id":"` + string(front) + `","last_inbound_at":"2026-03-02T08:00:00Z"}`)
	if err := h.update(string(v.ID), `{"channel_id":"`+string(spare)+`","last_inbound_at":"2026-03-02T07:00:00Z"}`); err != nil {
		t.Fatal(err)
	}
	if got := h.get(v.ID); len(got.Windows) != 2 || got.LastInboundAt.Hour() != 7 {
		t.Errorf("got %s, want the other channel's window opened, too", backendtest.JSON(t, got))
	}
}

// What people call themselves at WhatsApp comes as it is.
func TestInvalidNameOnRecordCanBePutBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i, name := range []string{"Ana\nSouza", " Ana ", "\u00a0", strings.Repeat("x", 300)} {
		who := followup.Identity{Phone: fmt.Sprintf("551191234567%d", i), UserID: "BR." + strings.Repeat("z", 300+i)}
		id, err := h.Store.Resolve(h.Ctx(), acme, who, true, h.Now())
		if err != nil {
			t.Fatal(err)
		}
		l, err := h.Store.Lead(h.Ctx(), acme, id)
		if err != nil {
			t.Fatal(err)
		}
		l.Name, l.Phone, l.UserID = name, who.Phone, who.UserID
		if _, err := h.Store.PutLead(h.Ctx(), followup.PutLead{Lead: l, Now: h.Now(), Real: h.Now()}); err != nil {
			t.Fatal(err)
		}
		v := h.get(id)
		company := "Acme"
		v.Company = &company
		if err := h.update(string(id), backendtest.JSON(t, v)); err != nil {
			t.Errorf("%q: put what get gave: %v", name, err)
		}
		got := h.get(id)
		got.UpdatedAt = v.UpdatedAt
		if got, want := backendtest.JSON(t, got), backendtest.JSON(t, v); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if err := h.update(string(id), `{"name":"`+strings.Repeat("y", 300)+`"}`); err == nil {
			t.Error("another such name: got no error")
		}
	}
}

// An assistant or a channel that the operator's file no longer lists stays on record, and
// in what GET gives.
func TestUnlistedAssistantCanBePutBack(t *testing.T) {
	t.Parallel()
	const gone followup.AssistantID = "a0000000-0000-4000-8000-00000000000b"
	store := memstore.New()
	before := &house{backendtest.New(t, backendtest.Params{
		Store: store, Assistants: []followup.Assistant{{ID: gone}},
		Channels: []followup.Channel{{ID: spare, Tenant: acme, Provider: providers.Gupshup, Assistant: gone}},
	}), t}
	id := string(before.create(`{"name":"Ana","phone":"+5511912345678","assistant_id":"` + string(gone) + `","channel_id":"` + string(spare) + `"}`).ID)
	h := &house{backendtest.New(t, backendtest.Params{Store: store}), t}
	v, err := h.Leads.Get(h.Ctx(), acme, id)
	if err != nil {
		t.Fatal(err)
	}
	name := "Bia"
	v.Name = &name
	if err := h.update(id, backendtest.JSON(t, v)); err != nil {
		t.Errorf("put what get gave: %v", err)
	}
	if err := h.update(id, `{"assistant_id":null,"channel_id":null}`); err != nil {
		t.Errorf("take them off: %v", err)
	}
	err = h.update(id, backendtest.JSON(t, v))
	backendtest.WantFault(t, err, fault.Validation,
		"assistant_id: is not an assistant of this tenant", "channel_id: is not a channel of this tenant")
}

// What GET gave before a lead said STOP does not resume him, nor does what a CRM knew before that.
func TestOlderOptOutDoesNotResume(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.create(`{"name":"Ana","phone":"+5511912345678","external_id":"crm-1"}`)
	says := func(stop bool) {
		t.Helper()
		h.Advance(time.Minute)
		if _, err := h.Store.Settle(h.Ctx(), followup.Settlement{
			Tenant: acme, Lead: v.ID, Now: h.Now(), Real: h.Now(),
			Items: []followup.Item{{DedupID: h.Now().String(), Channel: front, Assistant: sales, At: h.Now(), Reply: true, OptOut: &stop}},
		}); err != nil {
			t.Fatal(err)
		}
		h.Advance(time.Minute)
	}
	put := func(v leads.View, out bool) {
		t.Helper()
		v.OptedOut = out
		if err := h.update(string(v.ID), backendtest.JSON(t, v)); err != nil {
			t.Fatal(err)
		}
	}
	event := func(at time.Time) {
		t.Helper()
		h.wantCRM(`{"event":"lead.updated","timestamp":"`+at.Format(time.RFC3339Nano)+`","data":{"id":"`+string(v.ID)+`","opted_out":false}}`, leads.Applied)
	}
	want := func(out bool, after string) {
		t.Helper()
		if got := h.get(v.ID).OptedOut; got != out {
			t.Errorf("after %s: got opted_out %v, want %v", after, got, out)
		}
	}
	before, began := h.get(v.ID), h.Now()
	says(true)
	put(before, false)
	want(true, "what GET gave before")
	event(began)
	want(true, "an event of the CRM's from before")
	event(h.Now())
	want(false, "an event of the CRM's from now")
	says(true)
	put(h.get(v.ID), false)
	want(false, "what GET gives now, changed")
	says(true)
	if err := h.update(string(v.ID), `{"opted_out":false}`); err != nil {
		t.Fatal(err)
	}
	want(false, "opted_out alone")
	before = h.get(v.ID)
	says(true)
	says(false)
	put(before, true)
	want(false, "what GET gave before he came back")
}

// A CRM that does not know says null, and so may a caller: neither has heard the lead take his STOP back.
func TestNullOptOutDoesNotResume(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.create(`{"name":"Ana","phone":"+5511912345678","external_id":"crm-1","opted_out":true}`)
	if err := h.update(string(v.ID), `{"company":"Acme","opted_out":null}`); err != nil {
		t.Fatal(err)
	}
	if !h.get(v.ID).OptedOut {
		t.Error("after an update with null: got resumed, want opted out")
	}
	h.wantCRM(crmEvent("lead.updated", 1, `{"external_id":"crm-1","email":"ana@example.com","opted_out":null}`), leads.Applied)
	if !h.get(v.ID).OptedOut {
		t.Error("after an event of the CRM's with null: got resumed, want opted out")
	}
	if h.create(`{"name":"Bo","phone":"+5511912345679","opted_out":null}`).OptedOut {
		t.Error("created with null: got opted out, want not")
	}
}
