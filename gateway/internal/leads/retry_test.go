package leads_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/leads"
)

// refusingStore refuses to write leads, as often as left says.
type refusingStore struct {
	followup.Store

	err        error
	left, puts int
}

func (s *refusingStore) PutLead(ctx context.Context, p followup.PutLead) (followup.RunID, error) {
	s.puts++
	if s.left--; s.left >= 0 {
		return "", s.err
	}
	return s.Store.PutLead(ctx, p)
}

// A lead that is merged away while an event is applied is looked for again, a bounded number of times.
func TestCRMLeadMoves(t *testing.T) {
	t.Parallel()
	for _, moves := range []int{1, 2, 3} {
		s := &refusingStore{Store: memstore.New(), err: followup.ErrLeadMoved, left: moves}
		h := houseOn(t, s)
		got, err := h.crm(crmEvent("lead.created", 1, `{"external_id":"e1","name":"Ana"}`))
		if moved := moves == 3; errors.Is(err, followup.ErrLeadMoved) != moved || (got == leads.Applied) == moved {
			t.Errorf("moves %d times: got %q, %v, want it applied unless it moves 3 times", moves, got, err)
		}
	}
}

// A writer that meets a conflict each time gives up.
func TestConflictsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &refusingStore{Store: memstore.New()}
		h := houseOn(t, s)
		v := h.create(`{"name":"Ana","phone":"` + ana + `"}`)
		s.err, s.left, s.puts = followup.ErrConflict, 1000, 0
		if err := h.update(string(v.ID), `{"name":"Bo"}`); !errors.Is(err, followup.ErrConflict) || s.puts != 40 {
			t.Errorf("got %v after %d writes, want a conflict after 40", err, s.puts)
		}
	})
}

// A write that would change nothing is not made.
func TestWriteThatChangesNothingIsNotMade(t *testing.T) {
	t.Parallel()
	s := &refusingStore{Store: memstore.New()}
	h := houseOn(t, s)
	v := h.create(`{"name":"Ana","phone":"` + ana + `","channel_id":"` + string(front) + `","last_inbound_at":"2026-03-02T09:00:00Z"}`)
	for _, body := range []string{
		`{}`, `{"name":" Ana "}`, `{"custom_fields":{"none":null}}`,
		`{"last_inbound_at":"2026-03-02T08:00:00Z"}`, `{"last_inbound_at":"2027-01-01T00:00:00Z"}`, // the second counts as now, which is on record
	} {
		s.puts = 0
		if err := h.update(string(v.ID), body); err != nil || s.puts != 0 {
			t.Errorf("%s: got error %v, %d writes, want neither", body, err, s.puts)
		}
	}
}

// A phone that was taken from a lead, and that nobody has since, still names that lead.
func TestCRMGivesPhoneBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.wantCRM(crmEvent("lead.created", 1, `{"external_id":"e1","phone":"`+ana+`"}`), leads.Applied)
	h.wantCRM(crmEvent("lead.updated", 2, `{"external_id":"e1","phone":null}`), leads.Applied)
	h.wantCRM(crmEvent("lead.updated", 3, `{"phone":"`+ana+`","name":"Ana"}`), leads.Applied)
	v := h.find(followup.Identity{ExternalID: "e1"})
	if v.Phone == nil || *v.Phone != ana || v.Name == nil || *v.Name != "Ana" {
		t.Errorf("got phone %v and name %v, want both as told last", v.Phone, v.Name)
	}
}
