package leads

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// owner returns whose identity this is; ok is false if it is nobody's yet.
func (s *Service) owner(ctx context.Context, tenant followup.TenantID, who followup.Identity) (id followup.LeadID, ok bool, err error) {
	id, err = s.store.Resolve(ctx, tenant, who, false, s.now())
	if errors.Is(err, followup.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("resolve lead: %w", err)
	}
	return id, true, nil
}

// kinds are the identities by the field that holds them.
var kinds = []struct {
	field string
	of    func(followup.Identity) string
	with  func(followup.Identity, string) followup.Identity
}{
	{
		"phone",
		func(i followup.Identity) string { return i.Phone },
		func(i followup.Identity, v string) followup.Identity { i.Phone = v; return i },
	},
	{
		"user_id",
		func(i followup.Identity) string { return i.UserID },
		func(i followup.Identity, v string) followup.Identity { i.UserID = v; return i },
	},
	{
		"external_id",
		func(i followup.Identity) string { return i.ExternalID },
		func(i followup.Identity, v string) followup.Identity { i.ExternalID = v; return i },
	},
}

func identityOf(l followup.Lead) followup.Identity {
	return followup.Identity{Phone: l.Phone, UserID: l.UserID, ExternalID: l.ExternalID}
}

// link makes the identities that the draft adds lead to the lead, before the
// draft is written. One that belongs to another lead is a conflict.
func (s *Service) link(ctx context.Context, old, draft followup.Lead) error {
	known, wanted := identityOf(old), identityOf(draft)
	var taken []fault.Detail
	var added []int
	for i, k := range kinds {
		v := k.of(wanted)
		if v == "" || v == k.of(known) {
			continue
		}
		id, ok, err := s.owner(ctx, old.Tenant, k.with(followup.Identity{}, v))
		if err != nil {
			return err
		}
		if ok && id != old.ID {
			taken = append(taken, fault.Detail{Field: k.field, Problem: "belongs to another lead"})
		}
		if !ok {
			added = append(added, i)
		}
	}
	if len(taken) > 0 {
		return exists(taken...)
	}
	for _, i := range added {
		if err := s.attach(ctx, old, known, i, kinds[i].of(wanted)); err != nil {
			return err
		}
		known = kinds[i].with(known, kinds[i].of(wanted))
	}
	return nil
}

// attach makes a new identity of kind i lead to the lead. The store links
// identities that are named together, so it needs one of another kind that
// already leads there: if the lead has none, it gets an anchor, an identity
// nobody else can have.
func (s *Service) attach(ctx context.Context, l followup.Lead, known followup.Identity, i int, value string) error {
	var pair followup.Identity
	for j, k := range kinds {
		if v := k.of(known); j != i && v != "" {
			pair = k.with(pair, v)
			break
		}
	}
	if pair == (followup.Identity{}) {
		anchor := len(kinds) - 1 // external_id
		if i == anchor {
			anchor-- // user_id
		}
		pair = kinds[anchor].with(pair, reserved+string(l.ID))
		if err := s.resolveTo(ctx, l, kinds[i].with(pair, kinds[i].of(known))); err != nil {
			return err
		}
	}
	return s.resolveTo(ctx, l, kinds[i].with(pair, value))
}

func (s *Service) resolveTo(ctx context.Context, l followup.Lead, who followup.Identity) error {
	id, err := s.store.Resolve(ctx, l.Tenant, who, true, s.now())
	if err != nil {
		return fmt.Errorf("link identity: %w", err)
	}
	if id != l.ID { // somebody was faster; look again
		return fmt.Errorf("link identity: %w", followup.ErrConflict)
	}
	return nil
}

// unanchored returns the lead without the anchor that its record learned with
// the link; it is nobody's business.
func unanchored(l followup.Lead) followup.Lead {
	for _, id := range []*string{&l.UserID, &l.ExternalID} {
		if strings.HasPrefix(*id, reserved) {
			*id = ""
		}
	}
	return l
}

func exists(details ...fault.Detail) error {
	return &fault.Error{Code: fault.AlreadyExists, Message: "a lead with this identity exists", Details: details}
}

// blank reports whether nothing is known of the lead but its identities: it was
// named by Resolve, and nobody has written a record or a message yet.
func blank(l followup.Lead) bool {
	return l.Name == "" && l.Email == "" && l.Company == "" && l.StatusID == "" && len(l.CustomFields) == 0 &&
		l.Assistant == "" && l.Channel == "" && !l.OptedOut && l.CRMAt.IsZero() && len(l.Windows) == 0
}
