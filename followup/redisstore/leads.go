package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var putScript = loadOfLead("put")

// Lead implements followup.LeadStore.
func (s *Store) Lead(ctx context.Context, tenant followup.TenantID, id followup.LeadID) (followup.Lead, error) {
	fields, err := s.db.HGetAll(ctx, s.tag(id).lead(id)).Result()
	if err != nil {
		return followup.Lead{}, fmt.Errorf("read lead: %w", err)
	}
	if fields["mv"] != "" {
		s.aliases.forget(id)
		return followup.Lead{}, followup.ErrNotFound
	}
	if len(fields) == 0 || fields["cr"] == "" {
		return s.namedLead(ctx, tenant, id)
	}
	if followup.TenantID(fields["t"]) != tenant {
		return followup.Lead{}, followup.ErrNotFound
	}
	return parseLead(id, fields)
}

// namedLead returns a lead that Resolve has named, but that has no record yet; ErrNotFound if the
// tenant has none of that id.
func (s *Store) namedLead(ctx context.Context, tenant followup.TenantID, id followup.LeadID) (followup.Lead, error) {
	score, err := s.db.ZScore(ctx, leadsKey(tenant), string(id)).Result()
	if errors.Is(err, redis.Nil) {
		return followup.Lead{}, followup.ErrNotFound
	}
	if err != nil {
		return followup.Lead{}, fmt.Errorf("read lead: %w", err)
	}
	at := fromMS(int64(score))
	return followup.Lead{
		ID: id, Tenant: tenant, CreatedAt: at, UpdatedAt: at,
		Windows: map[followup.ChannelID]followup.Conversation{},
	}, nil
}

// named returns nil if the tenant has the lead, else ErrNotFound.
func (s *Store) named(ctx context.Context, tenant followup.TenantID, id followup.LeadID) error {
	_, err := s.Lead(ctx, tenant, id)
	return err
}

// putRequest is the request of lua/put.lua.
type putRequest struct {
	Rev     int64              `json:"rev"`
	Fields  map[string]string  `json:"fields"`
	Clear   []string           `json:"clear"`
	Status  bool               `json:"status"`
	Out     bool               `json:"out"`
	Margin  int64              `json:"margin"`
	From    int64              `json:"from"`
	Channel followup.ChannelID `json:"channel"`
	Arm     *arm               `json:"arm,omitempty"`
}

// PutLead implements followup.LeadStore.
func (s *Store) PutLead(ctx context.Context, p followup.PutLead) (followup.RunID, error) {
	fields, clear, err := recordFields(p.Lead)
	if err != nil {
		return "", err
	}
	req := putRequest{
		Rev: p.Lead.Revision, Fields: fields, Clear: clear,
		Status: p.StatusChanged, Out: p.Lead.OptedOut, Margin: followup.ResumeMargin.Milliseconds(), From: ms(p.WindowFrom), Channel: p.Lead.Channel,
	}
	sc := scope{lead: p.Lead.ID, tenant: p.Lead.Tenant, now: p.Now, real: p.Real}
	facts := ""
	if p.Arm != nil {
		req.Arm = armOf(*p.Arm)
		facts = packFacts(*req.Arm)
		sc.assistants = append(sc.assistants, p.Arm.Assistant)
	}
	r, err := s.call(ctx, s.runDurable, putScript, sc, marshal(req), facts)
	if errors.Is(err, followup.ErrLeadMoved) {
		return "", err
	}
	if err != nil {
		s.unpromised(err, r.list(1).ended())
		return "", fmt.Errorf("put lead: %w", err)
	}
	switch r.text(0) {
	case "conflict":
		return "", followup.ErrConflict
	case "none":
		return "", followup.ErrNotFound
	}
	s.onEnded(r.list(1).ended())
	run := followup.RunID(r.text(0))
	if run != "" {
		s.followed.put(p.Lead.ID, struct{}{})
	}
	return run, nil
}

// EraseLead implements followup.LeadStore. It ends the live runs first, and takes the identities
// away before the record: an event that found the lead before then meets the tombstone, resolves
// again and creates a new lead. If a crash cuts the erasure short, a second call erases what is
// left, and may return ErrNotFound.
func (s *Store) EraseLead(ctx context.Context, tenant followup.TenantID, id followup.LeadID, now time.Time) error {
	err := s.named(ctx, tenant, id)
	if err == nil {
		// Otherwise a lead that is found to be one with another during the erasure would live on there.
		err = s.bar(ctx, scope{lead: id, tenant: tenant, now: now, real: s.now()}, "")
	}
	switch {
	case errors.Is(err, followup.ErrNotFound), errors.Is(err, followup.ErrLeadMoved):
		return cmp.Or(s.forgetRest(ctx, tenant, id, now), followup.ErrNotFound)
	case err != nil:
		return err
	}
	sc, fields, err := s.fullScope(ctx, tenant, id, now)
	if err != nil {
		return err
	}
	// First of all, so that no step is sent any more if a crash follows.
	for n := range strings.FieldsSeq(fields["lv"]) {
		num, _ := strconv.Atoi(n)
		ended, err := s.endRun(ctx, tenant, id.Run(num), endRequest{Reason: followup.Erased}, now, s.now())
		if err != nil {
			return err
		}
		s.onEnded(ended)
	}
	return s.forgetAll(ctx, sc, fields)
}
