package leads_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/leads"
)

// race returns two houses on one store, and the store as the second one has it.
func race(t *testing.T) (first, second *house, late *racingResolve) {
	t.Helper()
	store := memstore.New()
	late = &racingResolve{Store: store}
	return houseOn(t, store), houseOn(t, late), late
}

// racingResolve is a store in which somebody else acts just before or just after a Resolve.
type racingResolve struct {
	followup.Store
	// when selects the calls of Resolve to race with.
	when func(who followup.Identity, create bool) bool
	// by is called once before such a call, after once after one.
	by, after func()
}

func (r *racingResolve) Resolve(
	ctx context.Context, tenant followup.TenantID, who followup.Identity, create bool, now time.Time,
) (followup.LeadID, error) {
	if by := r.by; by != nil && r.when(who, create) {
		r.by = nil
		by()
	}
	id, err := r.Store.Resolve(ctx, tenant, who, create, now)
	if after := r.after; after != nil && r.when(who, create) {
		r.after = nil
		after()
	}
	return id, err
}

// TestRaceForIdentityMergesNobody: two processes give the same identity to two leads at the same
// time. The slower one is refused, as it would be a moment later, and the leads are not merged.
func TestRaceForIdentityMergesNobody(t *testing.T) {
	t.Parallel()
	for field, body := range map[string]string{
		"external_id": `{"external_id":"e1"}`, "phone": `{"phone":"+5511900000001"}`, "user_id": `{"user_id":"BR.9"}`,
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			first, second, late := race(t)
			ana := first.create(`{"name":"Ana","phone":"+5511912345678"}`)
			bo := first.create(`{"name":"Bo","phone":"+5511912345679"}`)
			late.when = func(who followup.Identity, _ bool) bool { return who.Lead != "" }
			late.by = func() {
				if err := first.update(string(ana.ID), body); err != nil {
					t.Errorf("faster update: got error %v, want none", err)
				}
			}
			backendtest.WantFault(t, second.update(string(bo.ID), body), fault.AlreadyExists, field+": belongs to another lead")
			if late.by != nil {
				t.Error("the faster update was not made, want it made during the slower one")
			}
			for _, v := range []leads.View{ana, bo} {
				if got := *first.get(v.ID).Name; got != *v.Name {
					t.Errorf("name: got %s, want %s", got, *v.Name)
				}
			}
		})
	}
}

// TestRefusedCreateLinksNoIdentity: another lead with the same external id is created, or gets its
// identities and no record yet, a moment before. The create that is refused leaves nothing behind:
// its phone leads to no lead.
func TestRefusedCreateLinksNoIdentity(t *testing.T) {
	t.Parallel()
	ana := followup.Identity{Phone: "5511912345678", ExternalID: "e1"}
	for name, faster := range map[string]func(*house) error{
		"created": func(h *house) error {
			_, err := h.Leads.Create(h.Ctx(), acme, []byte(`{"name":"Ana","phone":"+5511912345678","external_id":"e1"}`))
			return err
		},
		"identities only": func(h *house) error {
			_, err := h.Store.Resolve(h.Ctx(), acme, ana, true, h.Now())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second, late := race(t)
			late.when = func(_ followup.Identity, create bool) bool { return create }
			late.by = func() {
				if err := faster(first); err != nil {
					t.Errorf("faster create: got error %v, want none", err)
				}
			}
			_, err := second.Leads.Create(second.Ctx(), acme, []byte(`{"name":"Bo","phone":"+5511912345679","external_id":"e1"}`))
			backendtest.WantFault(t, err, fault.AlreadyExists, "external_id: belongs to another lead")
			id, err := late.Store.Resolve(t.Context(), acme, followup.Identity{Phone: "5511912345679"}, false, first.Now())
			if !errors.Is(err, followup.ErrNotFound) {
				t.Errorf("phone of the refused lead: got lead %s, error %v, want %v", id, err, followup.ErrNotFound)
			}
		})
	}
}

// TestCreateCompletesHalfMadeLead: a create that died before it wrote the record has left the
// lead's identities. Another try goes on with the same lead.
func TestCreateCompletesHalfMadeLead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	named := h.contact(ana)
	v := h.create(`{"name":"Ana","phone":"+5511912345678","external_id":"e1"}`)
	if v.ID != named || *v.ExternalID != "e1" {
		t.Errorf("got lead %s with external id %v, want %s with e1", v.ID, v.ExternalID, named)
	}
}

// TestCreateJoinsHalfMadeLeads: several creates that died have left a lead for each identity. A create
// with all of these identities goes on with one lead.
func TestCreateJoinsHalfMadeLeads(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	user := followup.Identity{UserID: "BR.1"}
	h.contact(ana)
	h.resolve(user)
	v := h.create(`{"name":"Ana","phone":"` + ana + `","user_id":"BR.1"}`)
	if a, b := h.contact(ana), h.resolve(user); a != v.ID || b != v.ID {
		t.Errorf("got leads %s and %s, want %s alone", a, b, v.ID)
	}
}

// TestRaceWithHalfMadeLead: a create has found a lead that another create left half made. What
// somebody else does a moment before the create goes on is not undone by it.
func TestRaceWithHalfMadeLead(t *testing.T) {
	t.Parallel()
	who := followup.Identity{Phone: "5511912345678", UserID: "BR.1"}
	const body = `{"name":"Bo","phone":"` + ana + `","user_id":"BR.1","external_id":"e1"}`
	for name, c := range map[string]struct {
		by, after func(h *house, half followup.LeadID) // before or after the create claims the lead
		details   []string                             // of the conflict
		name      string                               // of the half-made lead afterwards, if it is refused
	}{
		"another lead gets the external id": {
			by:      func(h *house, _ followup.LeadID) { h.create(`{"name":"Ana","external_id":"e1"}`) },
			details: []string{"external_id: belongs to another lead"},
		},
		"the lead is completed": {
			after: func(h *house, half followup.LeadID) {
				if err := h.update(string(half), `{"name":"Ana"}`); err != nil {
					h.t.Errorf("update: %v", err)
				}
			},
			name: "Ana",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second, late := race(t)
			half := first.resolve(who)
			late.when = func(_ followup.Identity, create bool) bool { return create }
			if c.by != nil {
				late.by = func() { c.by(first, half) }
			}
			if c.after != nil {
				late.after = func() { c.after(first, half) }
			}
			_, err := second.Leads.Create(second.Ctx(), acme, []byte(body))
			backendtest.WantFault(t, err, fault.AlreadyExists, c.details...)
			if got := first.get(half); (got.Name == nil) != (c.name == "") || got.Name != nil && *got.Name != c.name {
				t.Errorf("got %s, want it as it was before the create", backendtest.JSON(t, got))
			}
		})
	}
}

// TestCreateWhileHolderIsErased: a lead that has the identity of a create is erased just as the
// create finds it, whether it had a record or was half made. The create goes on with a new lead.
func TestCreateWhileHolderIsErased(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]bool{"before it is read": false, "before it is claimed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second, late := race(t)
			gone := first.contact(ana)
			late.when = func(_ followup.Identity, creates bool) bool { return creates == create }
			erase := func() {
				if err := first.Leads.Delete(first.Ctx(), acme, string(gone)); err != nil {
					t.Errorf("delete: got error %v, want none", err)
				}
			}
			if create {
				late.by = erase
			} else {
				late.after = erase
			}
			if v := second.create(`{"name":"Bo","phone":"` + ana + `"}`); v.ID == gone {
				t.Error("got the lead that was erased, want a new one")
			}
		})
	}
}

// TestLeadWithAnythingOnRecordIsNotHalfMade: create completes only a lead of which nothing but its
// identities is known.
func TestLeadWithAnythingOnRecordIsNotHalfMade(t *testing.T) {
	t.Parallel()
	for name, know := range map[string]func(*followup.Lead){
		"e-mail":        func(l *followup.Lead) { l.Email = "ana@example.com" },
		"company":       func(l *followup.Lead) { l.Company = "Lima" },
		"status":        func(l *followup.Lead) { l.StatusID = archived },
		"custom fields": func(l *followup.Lead) { l.CustomFields = map[string]any{"a": "b"} },
		"assistant":     func(l *followup.Lead) { l.Assistant = sales },
		"channel":       func(l *followup.Lead) { l.Channel = front },
		"opted out":     func(l *followup.Lead) { l.OptedOut = true },
		"a CRM event":   func(l *followup.Lead) { l.CRMAt = backendtest.Start },
		"a message":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			id := h.contact(ana)
			if know == nil {
				h.wrote(id, front, h.Now())
			} else {
				h.learns(id, know)
			}
			_, err := h.Leads.Create(h.Ctx(), acme, []byte(`{"name":"Ana","phone":"`+ana+`"}`))
			backendtest.WantFault(t, err, fault.AlreadyExists, "phone: belongs to another lead")
		})
	}
}
