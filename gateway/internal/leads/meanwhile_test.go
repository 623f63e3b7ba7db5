package leads_test

import (
	"context"
	"testing"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/leads"
)

// racingRead is a store in which somebody else acts once, just after a lead was read.
type racingRead struct {
	followup.Store
	reads int    // how many reads to let pass before that
	by    func() // what somebody else does
}

func (r *racingRead) Lead(ctx context.Context, tenant followup.TenantID, id followup.LeadID) (followup.Lead, error) {
	l, err := r.Store.Lead(ctx, tenant, id)
	if r.reads--; r.reads < 0 && r.by != nil {
		by := r.by
		r.by = nil
		by()
	}
	return l, err
}

// TestLastWriteWins: of two concurrent writes the one that was said last stands, even if it equals
// the record that it has read: an older one may be written in between.
func TestLastWriteWins(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]func(h *house, id followup.LeadID, when int, data string){
		"by the CRM": func(h *house, _ followup.LeadID, when int, data string) {
			h.wantCRM(crmEvent("lead.updated", when, data), leads.Applied)
		},
		"by the tenant": func(h *house, id followup.LeadID, _ int, data string) {
			if err := h.update(string(id), data); err != nil {
				h.t.Errorf("update: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memstore.New()
			first, late := houseOn(t, store), &racingRead{Store: store}
			second := houseOn(t, late)
			first.config()
			v := first.create(`{"name":"Ana","phone":"+5511912345678","status_id":"` + quoted + `"}`)
			later := backendtest.JSON(t, v)
			late.by = func() { say(first, v.ID, 1, `{"id":"`+string(v.ID)+`","name":"Bia","status_id":"`+archived+`"}`) }
			say(second, v.ID, 2, later)
			got := first.get(v.ID)
			if *got.Name != *v.Name || *got.StatusID != quoted || *got.Phone != *v.Phone || len(first.live(v.ID)) != 1 {
				t.Errorf("got %s and %d live runs, want %s and one", backendtest.JSON(t, got), len(first.live(v.ID)), later)
			}
		})
	}
}
