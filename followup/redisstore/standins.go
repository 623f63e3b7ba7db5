package redisstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wagate/followup"
)

var adoptScript = load("adopt")

// standIns returns the stand-ins of a contact for those of its identities that are a phone or a
// user id. names are as in the alias map.
func standIns(tenant followup.TenantID, names []string) []followup.LeadID {
	var out []followup.LeadID
	for _, n := range names {
		switch kind, id, _ := strings.Cut(n, ":"); kind {
		case "p":
			out = append(out, followup.ContactLead(tenant, followup.Identity{Phone: id}))
		case "u":
			out = append(out, followup.ContactLead(tenant, followup.Identity{UserID: id}))
		}
	}
	return distinct(out)
}

// adopt imports what came for the contact before he was known to be this lead, and makes his
// stand-ins point to the lead. done is false if there was something to import: the identities must
// be looked at again, because the lead may have been merged away meanwhile.
func (s *Store) adopt(
	ctx context.Context, tenant followup.TenantID, lead followup.LeadID, names []string, now time.Time,
) (done bool, err error) {
	ids := standIns(tenant, names)
	jobs := make([]job, len(ids))
	until := ms(s.now().Add(followup.PointerAge))
	for i, id := range ids {
		t := s.tag(id)
		jobs[i] = job{
			keys: []string{t.lead(id), t.dedup(id)},
			args: []any{string(tenant), string(lead), until, followup.PointerAge.Milliseconds()},
		}
	}
	done = true
	for i, a := range s.runEach(ctx, adoptScript, jobs) {
		if a.err != nil {
			return false, fmt.Errorf("point stand-in: %w", a.err)
		}
		if a.value == "held" {
			done = false
			if err := s.merge(ctx, tenant, lead, ids[i], now); err != nil {
				return false, fmt.Errorf("import stand-in: %w", err)
			}
		}
	}
	return done, nil
}

// importedAs returns the name under which a winner notes that it has imported the loser. A stand-in
// may stand for a stranger again later and be imported again, so its name includes the id of the
// merge that hands it over. fields is the loser's hash.
func importedAs(loser followup.LeadID, fields map[string]string) string {
	if loser.StandIn() {
		return string(loser) + "/" + fields["b"]
	}
	return string(loser)
}

// eraseStandIns erases what is under the stand-ins of a lead. It leaves them pointing to the lead, so
// that nothing is settled under them while the lead is being erased.
func (s *Store) eraseStandIns(ctx context.Context, sc scope, names []string) error {
	for _, id := range standIns(sc.tenant, names) {
		of, _, err := s.fullScope(ctx, sc.tenant, id, sc.now)
		if err != nil {
			return err
		}
		if _, err := s.erase(ctx, of, eraseRequest{To: sc.lead}); err != nil {
			return err
		}
		if err := s.dropDeadOf(ctx, sc.tenant, id); err != nil {
			return err
		}
	}
	return nil
}

// vacate makes a stand-in that points to an erased lead stand for a stranger again. It removes what
// a merge that was cut short left under the stand-in, which was the lead's.
func (s *Store) vacate(ctx context.Context, sc scope, to followup.LeadID) error {
	_, err := s.erase(ctx, sc, eraseRequest{As: []string{"mv", string(to)}})
	return err
}

// settleVacated settles under a stand-in that points to a lead. If the lead was erased, the stand-in
// is made to stand for a stranger again; otherwise settleVacated returns ErrLeadMoved.
func (s *Store) settleVacated(ctx context.Context, st followup.Settlement) (followup.Settled, error) {
	sc, fields, err := s.fullScope(ctx, st.Tenant, st.Lead, st.Now)
	if err != nil {
		return followup.Settled{}, err
	}
	to := followup.LeadID(fields["mv"])
	if to == "" {
		return followup.Settled{}, followup.ErrLeadMoved
	}
	heir, err := s.heir(ctx, to)
	if err != nil {
		return followup.Settled{}, err
	}
	if heir != erased {
		return followup.Settled{}, followup.ErrLeadMoved
	}
	if err := s.vacate(ctx, sc, to); err != nil {
		return followup.Settled{}, err
	}
	return s.Settle(ctx, st)
}
