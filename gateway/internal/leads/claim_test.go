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
			store := memstore.New()
			first, late := houseOn(t, store), &racingResolve{Store: store}
			second := houseOn(t, late)
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
			store := memstore.New()
			first, late := houseOn(t, store), &racingResolve{Store: store}
			second := houseOn(t, late)
			late.when = func(_ followup.Identity, create bool) bool { return create }
			late.by = func() {
				if err := faster(first); err != nil {
					t.Errorf("faster create: got error %v, want none", err)
				}
			}
			_, err := second.Leads.Create(second.Ctx(), acme, []byte(`{"name":"Bo","phone":"+5511912345679","external_id":"e1"}`))
			backendtest.WantFault(t, err, fault.AlreadyExists, "external_id: belongs to another lead")
			id, err := store.Resolve(t.Context(), acme, followup.Identity{Phone: "5511912345679"}, false, first.Now())
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
	named, err := h.Store.Resolve(h.Ctx(), acme, followup.Identity{Phone: "5511912345678"}, true, h.Now())
	if err != nil {
		t.Fatal(err)
	}
	v := h.create(`{"name":"Ana","phone":"+5511912345678","external_id":"e1"}`)
	if v.ID != named || *v.ExternalID != "e1" {
		t.Errorf("got lead %s with external id %v, want %s with e1", v.ID, v.ExternalID, named)
	}
}
