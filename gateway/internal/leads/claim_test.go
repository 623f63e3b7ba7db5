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

// racingResolve is a store at which somebody else is faster, when it is asked whose an identity is.
type racingResolve struct {
	followup.Store
	when func(who followup.Identity, create bool) bool
	// by happens once before such a look, after once behind one.
	by, after func()
}

func (o *racingResolve) Resolve(
	ctx context.Context, tenant followup.TenantID, who followup.Identity, create bool, now time.Time,
) (followup.LeadID, error) {
	if by := o.by; by != nil && o.when(who, create) {
		o.by = nil
		by()
	}
	id, err := o.Store.Resolve(ctx, tenant, who, create, now)
	if after := o.after; after != nil && o.when(who, create) {
		o.after = nil
		after()
	}
	return id, err
}

// TestRaceForIdentityMergesNobody has two processes give one identity to two leads at
// once. The later is refused, as he would be a moment later, and nobody is merged.
func TestRaceForIdentityMergesNobody(t *testing.T) {
	t.Parallel()
	for field, body := range map[string]string{
		"external_id": `{"external_id":"e1"}`, "phone": `{"phone":"+5511900000001"}`, "user_id": `{"user_id":"BR.9"}`,
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			store := memstore.New()
			first, late := houseOn(t, store), &racingResolve{Store: store}
			second := houseOn(t, late)
			ana := first.create(`{"name":"Ana","phone":"+5511912345678"}`)
			bo := first.create(`{"name":"Bo","phone":"+5511912345679"}`)
			late.when = func(who followup.Identity, _ bool) bool { return who.Lead != "" }
			late.by = func() {
				if err := first.update(string(ana.ID), body); err != nil {
					t.Errorf("the faster: got %v, want none", err)
				}
			}
			backendtest.WantFault(t, second.update(string(bo.ID), body), fault.AlreadyExists, field+": belongs to another lead")
			if late.by != nil {
				t.Error("nobody was faster")
			}
			for _, v := range []leads.View{ana, bo} {
				if got := *first.get(v.ID).Name; got != *v.Name {
					t.Errorf("name: got %s, want %s", got, *v.Name)
				}
			}
		})
	}
}

// TestRefusedCreateLinksNoIdentity has another lead with the same external id made, or but
// named, a moment before. The one that is refused leaves nothing of what only it has: whoever
// writes by that phone is nobody's yet.
func TestRefusedCreateLinksNoIdentity(t *testing.T) {
	t.Parallel()
	ana := followup.Identity{Phone: "5511912345678", ExternalID: "e1"}
	for name, faster := range map[string]func(*house) error{
		"made": func(h *house) error {
			_, err := h.Leads.Create(h.Ctx(), acme, []byte(`{"name":"Ana","phone":"+5511912345678","external_id":"e1"}`))
			return err
		},
		"named": func(h *house) error {
			_, err := h.Store.Resolve(h.Ctx(), acme, ana, true, h.Now())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memstore.New()
			first, late := houseOn(t, store), &racingResolve{Store: store}
			second := houseOn(t, late)
			late.when = func(_ followup.Identity, create bool) bool { return create }
			late.by = func() {
				if err := faster(first); err != nil {
					t.Errorf("the faster: got %v, want none", err)
				}
			}
			_, err := second.Leads.Create(second.Ctx(), acme, []byte(`{"name":"Bo","phone":"+5511912345679","external_id":"e1"}`))
			backendtest.WantFault(t, err, fault.AlreadyExists, "external_id: belongs to another lead")
			id, err := store.Resolve(t.Context(), acme, followup.Identity{Phone: "5511912345679"}, false, first.Now())
			if !errors.Is(err, followup.ErrNotFound) {
				t.Errorf("the phone of the refused: got %s, %v, want nobody", id, err)
			}
		})
	}
}

// TestCreateCompletesHalfMadeLead: its first try died before there was a record.
func TestCreateCompletesHalfMadeLead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	named, err := h.Store.Resolve(h.Ctx(), acme, followup.Identity{Phone: "5511912345678"}, true, h.Now())
	if err != nil {
		t.Fatal(err)
	}
	v := h.create(`{"name":"Ana","phone":"+5511912345678","external_id":"e1"}`)
	if v.ID != named || *v.ExternalID != "e1" {
		t.Errorf("got %s with %v, want %s with e1", v.ID, v.ExternalID, named)
	}
}
