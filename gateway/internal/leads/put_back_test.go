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

// TestGetCanBePutBack: what GET gave can be put back and changes nothing, even if it has values
// that the caller could not set, or was read before the lead wrote again. A new last_inbound_at
// needs a channel.
func TestGetCanBePutBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	// A number such as providers use for tests, which is not valid in any country.
	id, err := h.Store.Resolve(h.Ctx(), acme, followup.Identity{Phone: "16505551234567"}, true, h.Now())
	if err != nil {
		t.Fatal(err)
	}
	v := h.get(id)
	if err := h.update(string(id), `{"name":"Ana","custom_fields":{"a":1}}`); err != nil {
		t.Fatal(err)
	}
	h.wrote(v.ID, front, backendtest.Start.Add(-time.Hour)) // the lead has a window and no channel_id
	before := h.get(v.ID)
	h.Advance(time.Hour)
	if err := h.update(string(v.ID), backendtest.JSON(t, before)); err != nil {
		t.Fatalf("put back what GET gave: %v", err)
	}
	if got, want := backendtest.JSON(t, h.get(v.ID)), backendtest.JSON(t, before); got != want {
		t.Errorf("after putting back: got  %s\nwant %s", got, want)
	}
	h.wrote(v.ID, spare, h.Now()) // before the older state is put back
	now := h.get(v.ID)
	if err := h.update(string(v.ID), backendtest.JSON(t, before)); err != nil {
		t.Errorf("put back what GET gave before the lead wrote again: %v", err)
	}
	if got := h.get(v.ID); !got.LastInboundAt.Equal(*now.LastInboundAt) {
		t.Errorf("last_inbound_at: got %s, want %s", got.LastInboundAt, now.LastInboundAt)
	}
	err = h.update(string(v.ID), `{"last_inbound_at":"`+now.LastInboundAt.Add(time.Second).Format(time.RFC3339)+`"}`)
	backendtest.WantFault(t, err, fault.Validation, "last_inbound_at: needs a channel_id: a window belongs to a channel")
	v = h.create(`{"name":"Bo","phone":"+5511912345679","channel_id":"` + string(front) + `","last_inbound_at":"2026-03-02T08:00:00Z"}`)
	if err := h.update(string(v.ID), `{"channel_id":"`+string(spare)+`","last_inbound_at":"2026-03-02T07:00:00Z"}`); err != nil {
		t.Fatal(err)
	}
	if got := h.get(v.ID); len(got.Windows) != 2 || got.LastInboundAt.Hour() != 7 {
		t.Errorf("got %s, want two windows, the other channel's since 7:00", backendtest.JSON(t, got))
	}
}

// TestInvalidNameOnRecordCanBePutBack: a name or user id as it came from WhatsApp may break the
// API's rules. It can be put back unchanged, but not replaced by another such value.
func TestInvalidNameOnRecordCanBePutBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i, name := range []string{"Ana\nSouza", " Ana ", "\u00a0", strings.Repeat("x", 300)} {
		who := followup.Identity{Phone: fmt.Sprintf("551191234567%d", i), UserID: "BR." + strings.Repeat("z", 300+i)}
		id := h.resolve(who)
		h.learns(id, func(l *followup.Lead) { l.Name, l.Phone, l.UserID = name, who.Phone, who.UserID })
		v := h.get(id)
		company := "Acme"
		v.Company = &company
		if err := h.update(string(id), backendtest.JSON(t, v)); err != nil {
			t.Errorf("%q: put back what GET gave: %v", name, err)
		}
		got := h.get(id)
		got.UpdatedAt = v.UpdatedAt
		if got, want := backendtest.JSON(t, got), backendtest.JSON(t, v); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if err := h.update(string(id), `{"name":"`+strings.Repeat("y", 300)+`"}`); err == nil {
			t.Error("another invalid name: got no error, want one")
		}
	}
}

// TestUnlistedAssistantCanBePutBack: an assistant or a channel that is no longer in the operator
// file stays on record, and can be put back until it is cleared.
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
		t.Errorf("put back what GET gave: %v", err)
	}
	if err := h.update(id, `{"assistant_id":null,"channel_id":null}`); err != nil {
		t.Errorf("clear assistant and channel: %v", err)
	}
	err = h.update(id, backendtest.JSON(t, v))
	backendtest.WantFault(t, err, fault.Validation,
		"assistant_id: is not an assistant of this tenant", "channel_id: is not a channel of this tenant")
}

// TestOlderOptOutDoesNotResume: a lead who said STOP is not resumed by putting back what GET gave
// before, nor by a CRM event from before. What was read or happened later resumes the lead, and so
// does opted_out alone. Nor does an older state opt out a lead who resumed since.
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
	want(true, "putting back what GET gave before STOP")
	event(began)
	want(true, "a CRM event from before STOP")
	event(h.Now())
	want(false, "a CRM event from after STOP")
	says(true)
	put(h.get(v.ID), false)
	want(false, "putting back what GET gave after STOP, changed")
	says(true)
	if err := h.update(string(v.ID), `{"opted_out":false}`); err != nil {
		t.Fatal(err)
	}
	want(false, "opted_out alone")
	before = h.get(v.ID)
	says(true)
	says(false)
	put(before, true)
	want(false, "putting back what GET gave before the lead resumed")
}

// TestNullOptOutDoesNotResume: opted_out null means that the CRM or the caller does not know. It
// does not resume a lead who opted out.
func TestNullOptOutDoesNotResume(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.create(`{"name":"Ana","phone":"+5511912345678","external_id":"crm-1","opted_out":true}`)
	if err := h.update(string(v.ID), `{"company":"Acme","opted_out":null}`); err != nil {
		t.Fatal(err)
	}
	if !h.get(v.ID).OptedOut {
		t.Error("after an update with null: got the lead resumed, want opted out")
	}
	h.wantCRM(crmEvent("lead.updated", 1, `{"external_id":"crm-1","email":"ana@example.com","opted_out":null}`), leads.Applied)
	if !h.get(v.ID).OptedOut {
		t.Error("after a CRM event with null: got the lead resumed, want opted out")
	}
	if h.create(`{"name":"Bo","phone":"+5511912345679","opted_out":null}`).OptedOut {
		t.Error("created with null: got the lead opted out, want not")
	}
}
