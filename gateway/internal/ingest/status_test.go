package ingest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
)

// send writes the intent of an API send to a lead, and returns the lead and the verdict.
func (h *harness) send(t *testing.T, tenant followup.TenantID, who string, a followup.AssistantID, c followup.ChannelID) (followup.LeadID, followup.Verdict) {
	t.Helper()
	return h.sendWith(t, "", tenant, who, a, c)
}

// sendWith is send for an assistant that wants its own opaque data back.
func (h *harness) sendWith(
	t *testing.T, opaque string, tenant followup.TenantID, who string, a followup.AssistantID, c followup.ChannelID,
) (followup.LeadID, followup.Verdict) {
	t.Helper()
	phone, user := identity(who)
	lead, err := h.store.Resolve(t.Context(), tenant, followup.Identity{Phone: phone, UserID: user}, true, now)
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.store.GuardSend(t.Context(), followup.GuardSend{
		Tenant: tenant, Lead: lead, Channel: c, Assistant: a, Opaque: opaque, Now: now, Real: now,
	})
	if err != nil || v.Refusal != followup.Allowed {
		t.Fatalf("guard: got %+v (%v), want it allowed", v, err)
	}
	return lead, v
}

// TestStatusByOpaque: our opaque data leads to the attempt without any known id, and never reaches
// the assistant.
func TestStatusByOpaque(t *testing.T) {
	t.Parallel()
	for _, own := range []string{"", "order-77"} {
		h := newHarness(t, nil)
		lead, v := h.send(t, tenantA, "15550100001", sales, metaSales)
		if own != "" {
			if _, err := h.store.LinkMessage(t.Context(), tenantA, followup.MessageRef{
				Attempt: v.Attempt, SenderID: "wamid.o", ProviderID: "wamid.o", Opaque: own,
			}); err != nil {
				t.Fatal(err)
			}
		}
		h.meta(t, messages("n-sales", status("", "wamid.o", "sent", v.Opaque)))
		ds := h.relayed(t, sales)
		if len(ds) != 1 || ds[0].Lead != lead {
			t.Fatalf("got %+v, want one delivery of the lead", ds)
		}
		if got := member(t, string(ds[0].Events[0].Value), "statuses", 0, "biz_opaque_callback_data"); got != own {
			t.Errorf("got opaque data %q, want %q", got, own)
		}
		// The status has told the message's id, so it is known without the send call's answer.
		ref, err := h.store.Message(t.Context(), tenantA, "wamid.o", nil)
		if err != nil || ref.Attempt != v.Attempt {
			t.Errorf("got %+v, %v, want the attempt", ref, err)
		}
	}
}

// TestStatusBeforeSendAnswer: a status that overtakes the answer of its send call carries the
// assistant's opaque data, and so do the statuses after it.
func TestStatusBeforeSendAnswer(t *testing.T) {
	t.Parallel()
	for _, own := range []string{"", "order-77"} {
		h := newHarness(t, nil)
		_, v := h.sendWith(t, own, tenantA, "15550100001", sales, metaSales)
		h.meta(t, messages("n-sales", status("15550100001", "wamid.o", "sent", v.Opaque)))
		h.meta(t, messages("n-sales", status("15550100001", "wamid.o", "delivered", v.Opaque)))
		// The answer of the send call arrives.
		if _, err := h.store.LinkMessage(t.Context(), tenantA, followup.MessageRef{
			Attempt: v.Attempt, SenderID: "wamid.o", ProviderID: "wamid.o", Opaque: own,
		}); err != nil {
			t.Fatal(err)
		}
		h.meta(t, messages("n-sales", status("15550100001", "wamid.o", "read", v.Opaque)))
		values := h.values(t, sales)
		if len(values) != 3 {
			t.Fatalf("got %d values, want 3", len(values))
		}
		for _, v := range values {
			if got := member(t, v, "statuses", 0, "biz_opaque_callback_data"); got != own {
				t.Errorf("%s: got opaque data %q, want %q", member(t, v, "statuses", 0, "status"), got, own)
			}
		}
	}
}

// TestI4FailedStatusClosesTheWindow: a status that the window is closed closes the window, whether
// the lead is found by our opaque data or by the message id.
func TestI4FailedStatusClosesTheWindow(t *testing.T) {
	t.Parallel()
	for _, byID := range []bool{false, true} {
		h := newHarness(t, nil)
		h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-60), "hi")))
		_, v := h.send(t, tenantA, "15550100001", sales, metaSales)
		opaque := v.Opaque
		if byID {
			opaque = ""
			if _, err := h.store.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: v.Attempt, SenderID: "wamid.o", ProviderID: "wamid.o"}); err != nil {
				t.Fatal(err)
			}
		}
		failed := replace(status("15550100001", "wamid.o", "failed", opaque), `"status":"failed"`,
			`"status":"failed","errors":[{"code":131047,"title":"Re-engagement message"}]`)
		h.meta(t, messages("n-sales", failed))
		if !h.lead(t, tenantA, "15550100001").Windows[metaSales].Refused {
			t.Errorf("by id %v: got window open, want it refused", byID)
		}
	}
}

// TestStatusParked: a receipt that overtakes the answer of its send call is parked until the answer
// is stored, and is relayed at once.
func TestStatusParked(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	lead, v := h.send(t, tenantA, "15550100001", sales, gupSales)
	h.gupshup(t, gupReport("delivered", "wa-1", "gs-1"))
	ds := h.relayed(t, sales)
	if len(ds) != 1 || ds[0].Lead != lead {
		t.Fatalf("got %+v, want the status relayed by its contact", ds)
	}
	parked, err := h.store.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: v.Attempt, SenderID: "gs-1"})
	if err != nil || len(parked) != 1 {
		t.Fatalf("got %v (%v), want one parked receipt", parked, err)
	}
	if p := parked[0]; p.Channel != gupSales || p.Receipt.State != providers.StatusDelivered {
		t.Errorf("got %+v, want the delivered receipt of the channel", p)
	}
}

// TestParkedReceiptTakesEffect: a receipt that is parked under an unknown id takes effect once the
// id is learned.
func TestParkedReceiptTakesEffect(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.gupshup(t, gupText("wamid.1", "15550100001", "hi"))
	_, v := h.send(t, tenantA, "15550100001", sales, gupSales)
	if _, err := h.store.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: v.Attempt, SenderID: "gs-1"}); err != nil {
		t.Fatal(err)
	}
	failed := replace(gupReport("failed", "wa-1", ""), `"payload":{"ts"`, `"payload":{"code":131047,"reason":"x","ts"`)
	h.gupshup(t, failed) // without gsId: wa-1 is not known yet
	if h.lead(t, tenantA, "15550100001").Windows[gupSales].Refused {
		t.Fatal("got window refused by a status of an unknown message, want it open")
	}
	h.gupshup(t, gupReport("sent", "wa-1", "gs-1"))
	if !h.lead(t, tenantA, "15550100001").Windows[gupSales].Refused {
		t.Error("got window open, want the parked failure to have closed it")
	}
}

// TestI1ParkedSurvivesAFailedSettlement: if the settlement that brings a parked receipt into effect
// fails, the receipt takes effect when the provider sends the webhook again, although the message
// is known by then. This holds for either id that the receipt may be parked under.
func TestI1ParkedSurvivesAFailedSettlement(t *testing.T) {
	t.Parallel()
	for _, waits := range []string{"gs-1", "wa-1"} {
		t.Run(waits, func(t *testing.T) {
			t.Parallel()
			broken := false
			s := memstore.New()
			h := newHarnessOn(t, s, func(p *Params) {
				p.Store = &flakyStore{Store: s, broken: func(int) error {
					if broken {
						return errAway
					}
					return nil
				}}
			})
			h.gupshup(t, gupText("wamid.1", "15550100001", "hi"))
			_, v := h.send(t, tenantA, "15550100001", sales, gupSales)
			h.park(t, waits)
			// The sender stores the message's ids and crashes before the parked receipt takes
			// effect.
			if _, err := s.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: v.Attempt, SenderID: "gs-1"}); err != nil {
				t.Fatal(err)
			}
			broken = true
			if err := h.Gupshup(t.Context(), gupSales, "cb-unit", []byte(gupReport("sent", "wa-1", "gs-1"))); !errors.Is(err, webhook.ErrUnavailable) {
				t.Fatalf("got %v, want ErrUnavailable", err)
			}
			broken = false
			h.gupshup(t, gupReport("sent", "wa-1", "gs-1"))
			if !h.lead(t, tenantA, "15550100001").Windows[gupSales].Refused {
				t.Error("got window open, want the parked failure to have closed it")
			}
		})
	}
}

// TestI1StatusOfNewerRecordIsUnavailable: a status of a message whose record this version cannot
// read is not acknowledged. It is neither lost nor treated as one of an unknown message, and the
// other items of the body are settled.
func TestI1StatusOfNewerRecordIsUnavailable(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	var newer atomic.Bool
	h := newHarnessOn(t, s, func(p *Params) {
		p.Store = &tappedStore{Store: s, message: func(id string) error {
			if id == "wamid.newer" && newer.Load() {
				return followup.ErrNewer
			}
			return nil
		}}
	})
	_, v := h.send(t, tenantA, "15550100001", sales, metaSales)
	if _, err := s.LinkMessage(t.Context(), tenantA, followup.MessageRef{
		Attempt: v.Attempt, SenderID: "wamid.newer", ProviderID: "wamid.newer", Opaque: "mine",
	}); err != nil {
		t.Fatal(err)
	}
	body := messages("n-sales", status("15550100001", "wamid.newer", "sent", ""), status("15550100001", "wamid.other", "sent", "theirs"))
	newer.Store(true)
	if err := h.postMeta(t.Context(), body); !errors.Is(err, webhook.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	newer.Store(false)
	h.meta(t, body)
	var got []string
	for _, value := range h.valuesAt(t, sales, now) {
		if id := member(t, value, "statuses", 0, "id"); id != "" {
			got = append(got, id+" "+member(t, value, "statuses", 0, "biz_opaque_callback_data"))
		}
	}
	slices.Sort(got)
	if want := []string{"wamid.newer mine", "wamid.other theirs"}; !slices.Equal(got, want) {
		t.Errorf("statuses: got %q, want each once: %q", got, want)
	}
}

// TestI10StatusOfAnotherTenant: a status with the opaque data of another tenant's attempt has no
// effect on that tenant's lead.
func TestI10StatusOfAnotherTenant(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	if _, err := h.store.Settle(t.Context(), settleOne(t, h, tenantB, "15550100009", other, metaOther)); err != nil {
		t.Fatal(err)
	}
	_, v := h.sendWith(t, "theirs", tenantB, "15550100009", other, metaOther)
	failed := replace(status("15550100001", "wamid.x", "failed", v.Opaque), `"status":"failed"`,
		`"status":"failed","errors":[{"code":131047}]`)
	h.meta(t, messages("n-sales", failed))
	if h.lead(t, tenantB, "15550100009").Windows[metaOther].Refused {
		t.Error("got the other tenant's window closed, want it untouched")
	}
	if got := len(h.values(t, other)); got != 0 {
		t.Errorf("got %d relayed to the other tenant, want none", got)
	}
	values := h.values(t, sales)
	if len(values) != 1 || member(t, values[0], "statuses", 0, "biz_opaque_callback_data") != "" {
		t.Errorf("got %v, want one status without opaque data", values)
	}
}

// TestI10AnotherTenantsMessageID: a status that names another tenant's message changes nothing in
// its record, and does not take the receipts parked for it.
func TestI10AnotherTenantsMessageID(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	if _, err := h.store.Settle(t.Context(), settleOne(t, h, tenantB, "15550100009", other, metaOther)); err != nil {
		t.Fatal(err)
	}
	_, v := h.send(t, tenantB, "15550100009", other, metaOther)
	ref := followup.MessageRef{Attempt: v.Attempt, SenderID: "gs-b", Opaque: "theirs"}
	if _, err := h.store.LinkMessage(t.Context(), tenantB, ref); err != nil {
		t.Fatal(err)
	}
	waiting := &followup.Parked{Channel: metaOther, Receipt: followup.Receipt{State: providers.StatusFailed}, At: now}
	_, _ = h.store.Message(t.Context(), tenantB, "wa-b", waiting)

	h.gupshup(t, gupReport("sent", "wa-b", "gs-b")) // to tenant A's channel, with tenant A's token

	if got, err := h.store.Message(t.Context(), tenantB, "gs-b", nil); err != nil || got != ref {
		t.Errorf("message: got %+v (%v), want it unchanged: %+v", got, err, ref)
	}
	ref.ProviderID = "wa-b"
	if parked, err := h.store.LinkMessage(t.Context(), tenantB, ref); err != nil || len(parked) != 1 {
		t.Errorf("parked receipts: got %d (%v), want 1", len(parked), err)
	}
}

// settleOne returns a settlement of one inbound message of an hour ago.
func settleOne(t *testing.T, h *harness, tenant followup.TenantID, phone string, a followup.AssistantID, c followup.ChannelID) followup.Settlement {
	t.Helper()
	lead, err := h.store.Resolve(t.Context(), tenant, followup.Identity{Phone: phone}, true, now)
	if err != nil {
		t.Fatal(err)
	}
	return followup.Settlement{Tenant: tenant, Lead: lead, Now: now, Real: now, Items: []followup.Item{{
		DedupID: "wamid.in", Channel: c, Assistant: a, At: now.Add(-time.Hour), Opens: true,
	}}}
}

// TestForeignOpaqueIsLeftAlone: opaque data that is not ours is relayed as it came.
func TestForeignOpaqueIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.meta(t, messages("n-sales", status("15550100001", "wamid.x", "sent", "somebody else's")))
	values := h.values(t, sales)
	if len(values) != 1 || member(t, values[0], "statuses", 0, "biz_opaque_callback_data") != "somebody else's" {
		t.Errorf("got %v, want the opaque data as it came", values)
	}
}

// TestFailuresAreReported: Params.Failed is called with the channel and the error of every failed
// status, and for no other status.
func TestFailuresAreReported(t *testing.T) {
	t.Parallel()
	var got []string
	h := newHarness(t, func(p *Params) {
		p.Failed = func(c followup.ChannelID, why *providers.Error) {
			got = append(got, fmt.Sprint(c, " ", why.Kind, " ", why.Code))
		}
	})
	h.gupshup(t, replace(gupReport("failed", "wa-1", "gs-1"), `"payload":{"ts"`, `"payload":{"code":4003,"reason":"x","ts"`))
	h.gupshup(t, gupReport("delivered", "wa-2", "gs-2"))
	h.meta(t, messages("n-sales", `"statuses":[{"id":"wamid.9","status":"failed","timestamp":"1790000001","recipient_id":"1","errors":[{"code":132001}]}]`))
	if want := []string{string(gupSales) + " template 4003", string(metaSales) + " template 132001"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
