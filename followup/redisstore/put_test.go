package redisstore

import (
	"testing"
	"time"

	"wagate/followup"
)

// TestPutLeadWithEveryField: PutLead must also work when every field of the record has a value, so
// that none is to be cleared.
func TestPutLeadWithEveryField(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		p.mustSay(t, s, "hi", epoch)
		l, err := s.Lead(t.Context(), p.tenant, p.lead)
		if err != nil {
			t.Fatal(err)
		}
		l.Name, l.Phone, l.UserID, l.Email, l.Company = "Maria", "15550100001", "US.1", "maria@example.com", "Acme"
		l.StatusID, l.ExternalID, l.Assistant, l.Channel = "open", "crm-1", p.assistant, p.channel
		l.OptedOut, l.CRMAt, l.CustomFields = true, epoch, map[string]any{"plan": "gold"}
		later := epoch.Add(time.Minute)
		if _, err := s.PutLead(t.Context(), followup.PutLead{Lead: l, Now: later, Real: later}); err != nil {
			t.Errorf("PutLead: got %v, want none", err)
		}
	})
}
