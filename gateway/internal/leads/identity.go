package leads

import (
	"context"
	"errors"
	"fmt"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// owner returns the lead that an identity leads to; ok is false if it leads to none.
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

// kinds are the kinds of identity, each with the name of its field in the API.
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

// link links to the lead the identities that the draft adds, before the draft is written. An
// identity that belongs to another lead is a conflict.
func (s *Service) link(ctx context.Context, old, draft followup.Lead) error {
	known, wanted := identityOf(old), identityOf(draft)
	var added followup.Identity
	for _, k := range kinds {
		if v := k.of(wanted); v != "" && v != k.of(known) {
			added = k.with(added, v)
		}
	}
	if added == (followup.Identity{}) {
		return nil
	}
	who := added
	who.Lead, who.Sole = old.ID, true
	id, err := s.store.Resolve(ctx, old.Tenant, who, false, s.now())
	if errors.Is(err, followup.ErrConflict) {
		if err := s.taken(ctx, old.Tenant, added, func(l followup.Lead) bool { return l.ID == old.ID }); err != nil {
			return err
		}
	}
	if err != nil && !errors.Is(err, followup.ErrNotFound) {
		return fmt.Errorf("link identity: %w", err)
	}
	if id != old.ID { // the identities or the lead changed meanwhile; the caller tries again
		return fmt.Errorf("link identity: %w", followup.ErrConflict)
	}
	return nil
}

// taken returns a conflict that names each identity that leads to a lead for which ours is false, or
// nil if there is none.
func (s *Service) taken(
	ctx context.Context, tenant followup.TenantID, who followup.Identity, ours func(followup.Lead) bool,
) error {
	var taken []fault.Detail
	for _, k := range kinds {
		v := k.of(who)
		if v == "" {
			continue
		}
		id, ok, err := s.owner(ctx, tenant, k.with(followup.Identity{}, v))
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		l, err := s.load(ctx, tenant, id)
		if isMissing(err) {
			continue // the lead was merged away or erased since
		}
		if err != nil {
			return err
		}
		if !ours(l) {
			taken = append(taken, fault.Detail{Field: k.field, Problem: "belongs to another lead"})
		}
	}
	if len(taken) > 0 {
		return exists(taken...)
	}
	return nil
}

func exists(details ...fault.Detail) error {
	return &fault.Error{Code: fault.AlreadyExists, Message: "a lead with this identity exists", Details: details}
}

// blank reports whether nothing but its identities is known of the lead: Resolve has created it, and
// neither a record nor a message has been written yet.
func blank(l followup.Lead) bool {
	return l.Name == "" && l.Email == "" && l.Company == "" && l.StatusID == "" && len(l.CustomFields) == 0 &&
		l.Assistant == "" && l.Channel == "" && !l.OptedOut && l.CRMAt.IsZero() && len(l.Windows) == 0
}
