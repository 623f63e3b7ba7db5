package leads_test

import (
	"testing"

	"wagate/followup"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/leads"
	"wagate/providers"
)

// learnsPhone settles that WhatsApp spells the lead's phone like this.
func (h *house) learnsPhone(id followup.LeadID, phone string) {
	h.t.Helper()
	if _, err := h.Store.Settle(h.Ctx(), followup.Settlement{
		Tenant: acme, Lead: id, Contact: providers.Contact{Phone: phone}, Now: h.Now(), Real: h.Now(),
	}); err != nil {
		h.t.Fatalf("settle: %v", err)
	}
}

// TestSpellingsAreOnePhone: both spellings of a Brazilian or Mexican phone lead to the same lead,
// in the API, in CRM events and in search. The record keeps the spelling that WhatsApp itself uses.
func TestSpellingsAreOnePhone(t *testing.T) {
	t.Parallel()
	for country, pair := range map[string][2]string{
		"Brazil": {"5511912345678", "551112345678"}, "Mexico": {"5215512345678", "525512345678"},
	} {
		for i := range pair {
			given, heard := pair[i], pair[1-i]
			t.Run(country+" "+given, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				v := h.create(`{"name":"Ana","phone":"+` + given + `","external_id":"crm-1"}`)
				if *v.Phone != "+"+given {
					t.Errorf("phone after create: got %s, want +%s, as given", *v.Phone, given)
				}
				h.learnsPhone(v.ID, heard)
				_, err := h.Leads.Create(h.Ctx(), acme, []byte(`{"name":"Bo","phone":"+`+heard+`"}`))
				backendtest.WantFault(t, err, fault.AlreadyExists, "phone: belongs to another lead")
				if err := h.update(string(v.ID), `{"phone":"+`+given+`"}`); err != nil {
					t.Errorf("update with the other spelling: got error %v, want none", err)
				}
				h.wantCRM(crmEvent("lead.updated", 1, `{"phone":"+`+given+`","external_id":"crm-1"}`), leads.Applied)
				if got := h.get(v.ID); *got.Phone != "+"+heard {
					t.Errorf("phone after the updates: got %s, want +%s, as WhatsApp spells it", *got.Phone, heard)
				}
				for _, phone := range pair {
					page, err := h.Leads.List(h.Ctx(), acme, leads.Query{Limit: 10, Search: "+" + phone})
					if err != nil || len(page.Data) != 1 || page.Data[0].ID != v.ID {
						t.Errorf("search for +%s: got %v, error %v, want the lead", phone, page.Data, err)
					}
				}
			})
		}
	}
}

// TestDifferentPhoneReplacesPhone: a phone that is not another spelling of the one on record
// replaces it.
func TestDifferentPhoneReplacesPhone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.create(`{"name":"Ana","phone":"+551134567890"}`) // a landline
	if err := h.update(string(v.ID), `{"phone":"+5511934567890"}`); err != nil {
		t.Fatal(err)
	}
	if got := h.get(v.ID); *got.Phone != "+5511934567890" {
		t.Errorf("phone: got %s, want the new one", *got.Phone)
	}
}
