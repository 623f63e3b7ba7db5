package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// resolve finds the lead of an event. again is true when what a status says
// about its lead has proved wrong: then its contact counts.
func (in *Ingest) resolve(ctx context.Context, a *arrival, again bool, now time.Time) error {
	if a.event.Status != nil && !again {
		known, err := in.receipt(ctx, a, now)
		if known || err != nil {
			return err
		}
	}
	if err := in.quoted(ctx, a, again); err != nil {
		return err
	}
	e := a.event
	who := followup.Identity{
		Phone: e.Contact.Phone, UserID: e.Contact.UserID,
		OldPhone: e.Previous.Phone, OldUserID: e.Previous.UserID,
	}
	if who == (followup.Identity{}) {
		a.belongsToNobody()
		return nil
	}
	lead, err := in.p.Store.Resolve(ctx, a.channel.Tenant, who, createsLead(e), now)
	if errors.Is(err, followup.ErrNotFound) {
		a.belongsToNobody()
		return nil
	}
	if err != nil {
		return fmt.Errorf("resolve contact: %w", err)
	}
	a.lead, a.nobody = lead, false
	if renamed(e) {
		return in.rename(ctx, a, now)
	}
	return nil
}

func (a *arrival) belongsToNobody() {
	a.lead, a.nobody = followup.AccountLead(a.channel.ID), true
}

// createsLead reports whether the event is something a contact did: an unknown
// contact who writes becomes a lead, one who is only mentioned does not.
func createsLead(e providers.Event) bool {
	effect := followup.EffectOf(e.Kind)
	return effect.Opens || effect.Reply || e.Kind == providers.KindPreference
}

// renamed reports whether a system notice says that the contact has another
// identity now, and not only another spelling of his phone.
func renamed(e providers.Event) bool {
	was, is := e.Previous, e.Contact
	return e.Kind == providers.KindSystem &&
		(was.UserID != "" || was.Phone != "" && !followup.SamePhone(was.Phone, is.Phone))
}

// renameTries bounds how often a record is read again that others write too.
const renameTries = 5

// rename gives the lead's record the identity that a system notice tells. Where
// that has no phone, the record has none: see the package's doc.
func (in *Ingest) rename(ctx context.Context, a *arrival, now time.Time) error {
	e := a.event
	for range renameTries {
		l, err := in.p.Store.Lead(ctx, a.channel.Tenant, a.lead)
		if errors.Is(err, followup.ErrNotFound) {
			return nil // moved or erased meanwhile; settling finds out
		}
		if err != nil {
			return fmt.Errorf("read lead: %w", err)
		}
		was := e.Previous
		if (was.Phone == "" || !followup.SamePhone(was.Phone, l.Phone)) && (was.UserID == "" || was.UserID != l.UserID) {
			return nil // the record has moved on already, or never had it
		}
		l.Phone, l.UserID = e.Contact.Phone, cmp.Or(e.Contact.UserID, l.UserID)
		_, err = in.p.Store.PutLead(ctx, followup.PutLead{Lead: l, Now: now, Real: in.p.Real()})
		switch {
		case err == nil, errors.Is(err, followup.ErrLeadMoved):
			return nil
		case !errors.Is(err, followup.ErrConflict):
			return fmt.Errorf("rename lead: %w", err)
		}
	}
	return fmt.Errorf("rename lead: %w", followup.ErrConflict)
}

// quoted makes a quoted message known by the id its sender was given. Meta has
// one id only.
func (in *Ingest) quoted(ctx context.Context, a *arrival, again bool) error {
	if again || a.channel.Provider == providers.Meta || a.event.Quoted == "" {
		return nil
	}
	ref, err := in.p.Store.Message(ctx, a.channel.Tenant, a.event.Quoted, nil)
	switch {
	case errors.Is(err, followup.ErrNotFound):
	case err != nil:
		return fmt.Errorf("find quoted message: %w", err)
	case ref.SenderID != a.event.Quoted:
		a.rewrite.Quoted = ref.SenderID
	}
	return nil
}
