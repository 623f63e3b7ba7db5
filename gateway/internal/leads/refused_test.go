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
)

const ana, bo = "+5511912345678", "+5511912345679"

// allLeads returns the list of all leads as the API shows it, and moves the clock on, so that a
// later write shows in updated_at.
func (h *house) allLeads() string {
	h.t.Helper()
	page, err := h.Leads.List(h.Ctx(), acme, leads.Query{Limit: 10})
	if err != nil {
		h.t.Fatalf("list: %v", err)
	}
	h.Advance(time.Minute)
	return backendtest.JSON(h.t, page)
}

// contact returns the lead that is made when an unknown contact writes from this phone.
func (h *house) contact(phone string) followup.LeadID {
	h.t.Helper()
	return h.resolve(followup.Identity{Phone: strings.TrimPrefix(phone, "+")})
}

// wantLeads checks that the list of all leads is as allLeads gave it before.
func (h *house) wantLeads(want string) {
	h.t.Helper()
	if got := h.allLeads(); got != want {
		h.t.Errorf("leads: got  %s\nwant %s", got, want)
	}
}

// manyFields returns a member custom_fields with n keys that begin with prefix.
func manyFields(prefix string, n int) string {
	var fields []string
	for i := range n {
		fields = append(fields, fmt.Sprintf(`"%s%d":1`, prefix, i))
	}
	return `"custom_fields":{` + strings.Join(fields, ",") + `}`
}

// TestI2StaleCRMEventChangesNothing: an event that is ignored because it is stale links no
// identity, gives no phone back and merges no leads.
func TestI2StaleCRMEventChangesNothing(t *testing.T) {
	t.Parallel()
	t.Run("a phone that was cleared", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.wantCRM(crmEvent("lead.created", 1, `{"external_id":"e1","phone":"`+ana+`"}`), leads.Applied)
		h.wantCRM(crmEvent("lead.updated", 5, `{"external_id":"e1","phone":null}`), leads.Applied)
		before := h.allLeads()
		h.wantCRM(crmEvent("lead.updated", 3, `{"external_id":"e1","phone":"`+ana+`"}`), leads.Stale)
		h.wantCRM(crmEvent("lead.updated", 5, `{"external_id":"e1","user_id":"BR.1"}`), leads.Stale)
		h.wantLeads(before)
	})
	for name, age := range map[string]int{"the phone of an older lead": -1, "the phone of a younger lead": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			if age < 0 {
				h.contact(bo)
				h.Advance(time.Second)
			}
			h.wantCRM(crmEvent("lead.created", 5, `{"external_id":"e1"}`), leads.Applied)
			if age > 0 {
				h.Advance(time.Second)
				h.contact(bo)
			}
			before := h.allLeads()
			h.wantCRM(crmEvent("lead.updated", 2, `{"external_id":"e1","phone":"`+bo+`"}`), leads.Stale)
			h.wantLeads(before)
		})
	}
	t.Run("a former phone, new to another lead", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.wantCRM(crmEvent("lead.created", 1, `{"external_id":"e1","phone":"`+ana+`","user_id":"BR.1"}`), leads.Applied)
		h.wantCRM(crmEvent("lead.updated", 5, `{"external_id":"e1","phone":"`+bo+`"}`), leads.Applied)
		h.wantCRM(crmEvent("lead.created", 2, `{"external_id":"e2","phone":"`+ana+`","user_id":"BR.2"}`), leads.Applied)
		if a, b := h.find(followup.Identity{ExternalID: "e1"}), h.find(followup.Identity{ExternalID: "e2"}); a.ID == b.ID || *b.Phone != ana {
			t.Errorf("got %s and %s, want two leads", backendtest.JSON(t, a), backendtest.JSON(t, b))
		}
	})
}

// TestI2OvertakenCRMEventChangesNothing: a newer event is applied just after an older one has read
// the lead. The older one then changes nothing.
func TestI2OvertakenCRMEventChangesNothing(t *testing.T) {
	t.Parallel()
	store := memstore.New()
	// The first read is of the lead of the phone, the second of that of the external id.
	first, late := houseOn(t, store), &racingRead{Store: store, reads: 1}
	second := houseOn(t, late)
	first.wantCRM(crmEvent("lead.created", 1, `{"external_id":"e1","phone":"`+ana+`"}`), leads.Applied)
	late.by = func() {
		first.wantCRM(crmEvent("lead.updated", 5, `{"external_id":"e1","phone":null}`), leads.Applied)
	}
	second.wantCRM(crmEvent("lead.updated", 3, `{"external_id":"e1","phone":"`+ana+`"}`), leads.Stale)
	if v := first.find(followup.Identity{ExternalID: "e1"}); v.Phone != nil {
		t.Errorf("phone: got %s, want none", *v.Phone)
	}
}

// TestI14RefusedCRMEventChangesNothing: an event that is refused as invalid or as a conflict has
// changed nothing.
func TestI14RefusedCRMEventChangesNothing(t *testing.T) {
	t.Parallel()
	const inbound = `"last_inbound_at":"2026-03-02T08:00:00Z"`
	const windowless = "data.last_inbound_at: needs a channel_id: a window belongs to a channel"
	tests := []struct {
		name   string
		leads  []string // the oldest first
		data   string
		code   fault.Code
		detail string
	}{
		{"for an unknown lead", nil, `{"external_id":"e1","name":"Ana",` + inbound + `}`, fault.Validation, windowless},
		{
			"for one lead",
			[]string{`{"name":"Ana","phone":"` + ana + `"}`},
			`{"external_id":"e1","phone":"` + ana + `",` + inbound + `}`, fault.Validation, windowless,
		},
		{
			"for two leads",
			[]string{`{"name":"Ana","external_id":"e1"}`, `{"name":"Bo","phone":"` + bo + `"}`},
			`{"external_id":"e1","phone":"` + bo + `",` + inbound + `}`, fault.Validation, windowless,
		},
		{
			"for two leads, too many fields with the older's",
			[]string{`{"name":"Bo","phone":"` + bo + `",` + manyFields("b", 60) + `}`, `{"name":"Ana","external_id":"e1"}`},
			`{"external_id":"e1","phone":"` + bo + `",` + manyFields("e", 60) + `}`, fault.Validation, "data.custom_fields: would have more than 100 keys",
		},
		{
			"for two leads, too many fields with the younger's",
			[]string{`{"name":"Ana","external_id":"e1"}`, `{"name":"Bo","phone":"` + bo + `",` + manyFields("b", 60) + `}`},
			`{"external_id":"e1","phone":"` + bo + `",` + manyFields("e", 60) + `}`, fault.Validation, "data.custom_fields: would have more than 100 keys",
		},
		{
			"with another user's phone",
			[]string{`{"name":"Ana","phone":"` + ana + `","user_id":"BR.1"}`, `{"name":"Bo","phone":"` + bo + `","user_id":"BR.2"}`},
			`{"external_id":"e1","phone":"` + bo + `","user_id":"BR.1"}`, fault.AlreadyExists, "data.phone: belongs to another lead",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			for _, l := range tt.leads {
				h.create(l)
				h.Advance(time.Second)
			}
			before := h.allLeads()
			_, err := h.crm(crmEvent("lead.created", 0, tt.data))
			backendtest.WantFault(t, err, tt.code, tt.detail)
			h.wantLeads(before)
		})
	}
}

// TestCRMEventIsJudgedAgainstMergedLead: an event that merges two leads is judged against the
// merged lead. A last_inbound_at is in order if either of the two has a channel or a window.
func TestCRMEventIsJudgedAgainstMergedLead(t *testing.T) {
	t.Parallel()
	const at = "2026-03-02T08:00:00Z"
	for name, younger := range map[string]string{
		"a channel": `{"name":"Bo","phone":"` + bo + `","channel_id":"` + string(front) + `"}`,
		"a window":  `{"name":"Bo","phone":"` + bo + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.create(`{"name":"Ana","external_id":"e1"}`)
			h.Advance(time.Second)
			id := h.create(younger).ID
			if name == "a window" {
				h.wrote(id, front, backendtest.Start.Add(-time.Hour))
			}
			h.wantCRM(crmEvent("lead.updated", 0, `{"external_id":"e1","phone":"`+bo+`","last_inbound_at":"`+at+`"}`), leads.Applied)
			v := h.find(followup.Identity{ExternalID: "e1"})
			if v.Phone == nil || *v.Phone != bo || v.LastInboundAt == nil || v.LastInboundAt.Format(time.RFC3339) != at {
				t.Errorf("got %s, want one lead who wrote at %s", backendtest.JSON(t, v), at)
			}
		})
	}
}
