package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var (
	eraseScript = loadOfLead("erase")
	barScript   = loadOfLead("bar")
)

// forget erases what is left of a lead after a crash cut short its erasure, or the erasure of its
// heir.
func (s *Store) forget(ctx context.Context, tenant followup.TenantID, id followup.LeadID, now time.Time) error {
	sc, fields, err := s.fullScope(ctx, tenant, id, now)
	if err != nil {
		return err
	}
	return s.forgetAll(ctx, sc, fields)
}

// forgetRest is forget for a lead that already has a tombstone: dead letters are not, and cannot
// be, removed in the same script as the lead. It does nothing if the tombstone is not that of an
// erased lead of the tenant.
func (s *Store) forgetRest(ctx context.Context, tenant followup.TenantID, id followup.LeadID, now time.Time) error {
	v, err := s.db.HMGet(ctx, s.tag(id).lead(id), "t", "mv").Result()
	if err != nil {
		return fmt.Errorf("read lead: %w", err)
	}
	if r := reply(v); r.text(0) != string(tenant) || r.text(1) != erased {
		return nil
	}
	return s.forget(ctx, tenant, id, now)
}

// forgetAll erases a lead: what lies under its stand-ins, the identities that lead to it, its keys, and
// the leads merged into it. Its stand-ins then stand for strangers again.
func (s *Store) forgetAll(ctx context.Context, sc scope, fields map[string]string) error {
	names, err := s.aliasesOf(ctx, sc.tenant, sc.lead, fields)
	if err != nil {
		return err
	}
	// While the lead can still be found by its identities, nothing new is stored under their
	// stand-ins.
	if err := s.eraseStandIns(ctx, sc, names); err != nil {
		return err
	}
	if err := s.pointNames(ctx, sc.tenant, sc.lead, "", names); err != nil {
		return err
	}
	buried, err := s.eraseWithLosers(ctx, sc)
	if err != nil {
		return err
	}
	// The lead may have been given yet another identity while it could still be found, and so may
	// the leads merged into it while they were made tombstones. From here on, whoever finds one of
	// the tombstones by an identity removes that identity.
	late, err := s.namesOf(ctx, sc.tenant, buried...)
	if err != nil {
		return err
	}
	for lead, of := range late {
		if err := s.pointNames(ctx, sc.tenant, lead, "", of); err != nil {
			return err
		}
	}
	for _, id := range standIns(sc.tenant, append(names, late[sc.lead]...)) {
		of := scope{lead: id, tenant: sc.tenant, now: sc.now, real: sc.real}
		if err := s.vacate(ctx, of, sc.lead); err != nil {
			return err
		}
	}
	return nil
}

// eraseWithLosers erases a lead, the leads that were merged into it, and those that were about to
// be. Their erasure comes first, because the lead's hash is what names them. It returns all the
// leads erased.
func (s *Store) eraseWithLosers(ctx context.Context, sc scope) (buried []followup.LeadID, err error) {
	req := eraseRequest{Buried: []followup.LeadID{}}
	for {
		r, err := s.erase(ctx, sc, req)
		if err != nil {
			return nil, err
		}
		if r.text(0) != "first" {
			return append(buried, sc.lead), s.dropDeadOf(ctx, sc.tenant, sc.lead)
		}
		for _, loser := range texts(r[1:]) {
			others, err := s.eraseLoser(ctx, sc, followup.LeadID(loser))
			if err != nil {
				return nil, err
			}
			buried, req.Buried = append(buried, others...), append(req.Buried, followup.LeadID(loser))
		}
	}
}

// eraseLoser erases a lead that into names as merged into it, if it really was; otherwise it bars
// the merge. Like eraseWithLosers, it returns leads that it erased, but not one whose erasure it only
// finishes.
func (s *Store) eraseLoser(ctx context.Context, into scope, loser followup.LeadID) ([]followup.LeadID, error) {
	err := s.bar(ctx, scope{lead: loser, tenant: into.tenant, now: into.now, real: into.real}, into.lead)
	if !errors.Is(err, followup.ErrLeadMoved) {
		return nil, err // it was not merged, and now cannot be
	}
	heir, err := s.heir(ctx, loser)
	if err != nil {
		return nil, err
	}
	ours, err := s.heir(ctx, into.lead)
	if err != nil {
		return nil, err
	}
	if heir != ours && heir != erased {
		return nil, nil // it was merged into another lead
	}
	sc, fields, err := s.fullScope(ctx, into.tenant, loser, into.now)
	if err != nil {
		return nil, err
	}
	// A lead is on the list until its identities were taken from it.
	err = s.db.ZScore(ctx, leadsKey(into.tenant), string(loser)).Err()
	switch {
	case err == nil:
		return nil, s.forgetAll(ctx, sc, fields)
	case !errors.Is(err, redis.Nil):
		return nil, fmt.Errorf("look for lead: %w", err)
	}
	return s.eraseWithLosers(ctx, sc)
}

// bar keeps a lead from being merged into the lead from, or into any lead if from is empty. It
// returns followup.ErrLeadMoved if the lead was merged or erased before.
func (s *Store) bar(ctx context.Context, lead scope, from followup.LeadID) error {
	_, err := s.call(ctx, s.run, barScript, lead, marshal(map[string]any{"from": from}))
	return err
}

type eraseRequest struct {
	Keep bool            `json:"keep"`         // keep what the merge did not hand over
	To   followup.LeadID `json:"to"`           // the lead that a stand-in then points to; empty: the stand-in goes
	As   []string        `json:"as,omitempty"` // field and value that the hash must have, else nothing is erased
	// Buried are the leads merged into this one that have been erased so far.
	Buried []followup.LeadID `json:"buried,omitempty"`
}

// erase removes a lead's keys. Its reply is "first" and a list of leads if those have to be erased
// before; then nothing was removed.
func (s *Store) erase(ctx context.Context, sc scope, req eraseRequest) (reply, error) {
	sc.frozen = true
	r, err := s.call(ctx, s.run, eraseScript, sc, marshal(req))
	if err != nil {
		return nil, fmt.Errorf("erase lead: %w", err)
	}
	if r.text(0) != "first" {
		s.onEnded(r.list(0).ended())
	}
	return r, nil
}
