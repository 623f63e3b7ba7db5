package leads_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/leads"
)

// TestCreateRefusesKnownIdentity: create is refused for identities that belong to other leads of
// the tenant, and leaves nothing behind. Another tenant may have a lead with the same phone.
func TestCreateRefusesKnownIdentity(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.create(`{"name":"Ana","phone":"+5511912345678","external_id":"crm-1"}`)
	h.create(`{"name":"Bo","user_id":"BR.2"}`)
	_, err := h.Leads.Create(h.Ctx(), acme, []byte(`{"name":"Cy","phone":"5511912345678","user_id":"BR.2","external_id":"crm-3"}`))
	backendtest.WantFault(t, err, fault.AlreadyExists, "phone: belongs to another lead", "user_id: belongs to another lead")
	if _, err := h.Leads.Create(h.Ctx(), other, []byte(`{"name":"Ana","phone":"+5511912345678"}`)); err != nil {
		t.Errorf("another tenant's lead with the phone: got error %v, want none", err)
	}
	page, err := h.Leads.List(h.Ctx(), acme, leads.Query{Limit: 10})
	if err != nil || page.Pagination.Total != 2 {
		t.Errorf("got %d leads, error %v, want 2, as the refused create leaves nothing", page.Pagination.Total, err)
	}
}

// TestConcurrentCreatesMakeOneLead: of concurrent creates with one phone, in two processes, one
// succeeds and the others are refused.
func TestConcurrentCreatesMakeOneLead(t *testing.T) {
	t.Parallel()
	store := memstore.New()
	processes := []*house{houseOn(t, store), houseOn(t, store)}
	var wg sync.WaitGroup
	errs := make([]error, 40)
	for i := range errs {
		wg.Go(func() {
			h := processes[i%2]
			_, errs[i] = h.Leads.Create(h.Ctx(), acme, []byte(`{"name":"Ana","phone":"+5511912345678"}`))
		})
	}
	wg.Wait()
	created := 0
	for _, err := range errs {
		if err == nil {
			created++
			continue
		}
		if f := new(fault.Error); !asFault(err, &f) || f.Code != fault.AlreadyExists {
			t.Errorf("got %v, want %s", err, fault.AlreadyExists)
		}
	}
	if created != 1 {
		t.Errorf("got %d leads created, want 1", created)
	}
}

// TestIdentitiesCanChange: an update may change every identity of a lead, even its only one. The
// old ones keep leading to the lead.
func TestIdentitiesCanChange(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, create, update, old, new string
	}{
		{"the only phone", `{"name":"A","phone":"+5511912345678"}`, `{"phone":"+5511900000001"}`, "phone 5511912345678", "phone 5511900000001"},
		{"a phone beside a user id", `{"name":"A","phone":"+5511912345678","user_id":"BR.1"}`, `{"phone":"+5511900000001"}`, "user BR.1", "phone 5511900000001"},
		{"the only external id", `{"name":"A","external_id":"e1"}`, `{"external_id":"e2"}`, "external e1", "external e2"},
		{
			"all three", `{"name":"A","phone":"+5511912345678","user_id":"BR.1","external_id":"e1"}`,
			`{"phone":"+5511900000001","user_id":"BR.2","external_id":"e2"}`, "phone 5511912345678", "user BR.2",
		},
		{"a user id in place of the phone", `{"name":"A","phone":"+5511912345678"}`, `{"phone":null,"user_id":"BR.2"}`, "phone 5511912345678", "user BR.2"},
		{"a phone beside an external id", `{"name":"A","external_id":"e1"}`, `{"phone":"+5511900000001"}`, "external e1", "phone 5511900000001"},
		{"an external id beside a phone", `{"name":"A","phone":"+5511912345678"}`, `{"external_id":"e2"}`, "phone 5511912345678", "external e2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			v := h.create(tt.create)
			if err := h.update(string(v.ID), tt.update); err != nil {
				t.Fatalf("update: %v", err)
			}
			for _, who := range []string{tt.old, tt.new} {
				kind, value, _ := strings.Cut(who, " ")
				i := map[string]followup.Identity{"phone": {Phone: value}, "user": {UserID: value}, "external": {ExternalID: value}}[kind]
				if id, err := h.Store.Resolve(h.Ctx(), acme, i, false, h.Now()); err != nil || id != v.ID {
					t.Errorf("%s: got lead %s, error %v, want %s", who, id, err, v.ID)
				}
			}
		})
	}
}

// TestUpdateRefusesIdentityOfAnotherLead: an update with identities of another lead is refused, and
// neither changes nor merges a lead.
func TestUpdateRefusesIdentityOfAnotherLead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana := h.create(`{"name":"Ana","phone":"+5511912345678"}`)
	bo := h.create(`{"name":"Bo","phone":"+5511912345679","external_id":"b"}`)
	backendtest.WantFault(t, h.update(string(ana.ID), `{"phone":"+5511912345679","external_id":"b","name":"X"}`), fault.AlreadyExists,
		"phone: belongs to another lead", "external_id: belongs to another lead")
	if err := h.update(string(ana.ID), `{"phone":"+5511900000001"}`); err != nil {
		t.Fatal(err)
	}
	backendtest.WantFault(t, h.update(string(ana.ID), `{"phone":"+5511912345678","external_id":"b"}`), fault.AlreadyExists,
		"external_id: belongs to another lead") // the phone is a former one of hers
	if *h.get(ana.ID).Name != "Ana" || *h.get(bo.ID).Name != "Bo" {
		t.Error("got leads changed or merged by a refused update, want both as they were")
	}
}

// TestMovedLeadIsNotFound: a lead that was merged into another or erased is not found, even if that
// happens just after an update has read it.
func TestMovedLeadIsNotFound(t *testing.T) {
	t.Parallel()
	user := followup.Identity{UserID: "BR.1"}
	for name, move := range map[string]func(*house, followup.LeadID) error{
		"merged": func(h *house, _ followup.LeadID) error {
			h.resolve(followup.Identity{Phone: strings.TrimPrefix(ana, "+"), UserID: user.UserID})
			return nil
		},
		"erased": func(h *house, lead followup.LeadID) error { return h.Leads.Delete(h.Ctx(), acme, string(lead)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memstore.New()
			first, late := houseOn(t, store), &racingRead{Store: store, reads: 1} // the second read is the one to write on
			second := houseOn(t, late)
			first.contact(ana)
			first.Advance(time.Second)
			gone := first.resolve(user)
			late.by = func() {
				if err := move(first, gone); err != nil {
					t.Errorf("move: got error %v, want none", err)
				}
			}
			backendtest.WantFault(t, second.update(string(gone), `{"external_id":"e1"}`), fault.NotFound)
			_, err := first.Leads.Get(first.Ctx(), acme, string(gone))
			backendtest.WantFault(t, err, fault.NotFound)
			backendtest.WantFault(t, first.update(string(gone), `{"name":"Bo"}`), fault.NotFound)
			backendtest.WantFault(t, first.Leads.Delete(first.Ctx(), acme, string(gone)), fault.NotFound)
		})
	}
}
