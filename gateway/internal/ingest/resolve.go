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

// resolve finds the lead of an event. again is true if this is done once more, because the lead
// found before may have become another.
func (in *Ingest) resolve(ctx context.Context, a *arrival, again bool, now time.Time) error {
	e := a.event
	if e.Status != nil && !again {
		if err := in.receipt(ctx, a, now); err != nil {
			return err
		}
	}
	if err := in.quoted(ctx, a, again); err != nil {
		return err
	}
	who := a.identity()
	if e.Contact.IsZero() && who.Lead != "" && !again {
		a.lead, a.standIn = who.Lead, false // if the lead moved, settling finds out
		return nil
	}
	lead, err := in.p.Store.Resolve(ctx, a.channel.Tenant, who, a.createsLead(), now)
	if errors.Is(err, followup.ErrNotFound) && who.Lead != "" {
		who.Lead = "" // the lead was erased or is not the tenant's: the contact decides
		lead, err = in.p.Store.Resolve(ctx, a.channel.Tenant, who, a.createsLead(), now)
	}
	if err != nil && !errors.Is(err, followup.ErrNotFound) {
		return fmt.Errorf("resolve contact: %w", err)
	}
	a.lead, a.standIn = lead, false
	switch {
	case e.Group != "": // the member's identities are linked as usual, but the event is the group's
		a.lead, a.standIn = followup.GroupLead(a.channel.ID, e.Group), true
	case err == nil && renamed(e):
		return in.rename(ctx, a, now)
	case err == nil:
	case who == (followup.Identity{}):
		a.lead, a.standIn = followup.AccountLead(a.channel.ID), true
	default:
		a.lead, a.standIn = followup.ContactLead(a.channel.Tenant, who), true
	}
	return nil
}

// identity returns all that the event says about who its lead is. A status about an attempt names
// the lead itself. If such a status names a phone without a user id, the lead may have had that
// phone when the message was sent and not have it any more, so it counts as an old phone.
func (a *arrival) identity() followup.Identity {
	is, was := a.event.Contact, a.event.Previous
	who := followup.Identity{Phone: is.Phone, UserID: is.UserID, OldPhone: was.Phone, OldUserID: was.UserID}
	if a.receipt != nil && a.receipt.Attempt != "" {
		who.Lead = a.receipt.Attempt.Lead()
		if who.UserID == "" {
			who.Phone, who.OldPhone = "", who.Phone
		}
	}
	return who
}

// createsLead reports whether an unknown contact becomes a lead. That is a contact who does
// something, and a contact who is named by two identities, because only this event may ever say
// that both belong to one person. A receipt of an attempt creates no lead: its lead was erased.
func (a *arrival) createsLead() bool {
	if a.receipt != nil && a.receipt.Attempt != "" {
		return false
	}
	is, was, names := a.event.Contact, a.event.Previous, 0
	for _, id := range []string{is.Phone, is.UserID, was.Phone, was.UserID} {
		if id != "" {
			names++
		}
	}
	return acts(a.event) || names > 1
}

// acts reports whether the event is something that the contact did. Otherwise the event merely
// mentions the contact.
func acts(e *providers.Event) bool {
	effect := followup.EffectOf(e.Kind)
	return effect.Opens || effect.Reply || e.Kind == providers.KindPreference
}

// contactOf returns what the event says about the contact, as far as it may change the lead's
// record. An event that merely mentions the contact says only the name: it may spell the phone
// differently, or have a phone that the contact has given up.
func contactOf(e *providers.Event) providers.Contact {
	if acts(e) || e.Kind == providers.KindSystem {
		return e.Contact
	}
	return providers.Contact{Name: e.Contact.Name}
}

// renamed reports whether the event is a system notice that the contact has another identity, and
// not only another spelling of the phone.
func renamed(e *providers.Event) bool {
	was, is := e.Previous, e.Contact
	return e.Kind == providers.KindSystem &&
		(was.UserID != "" || was.Phone != "" && !followup.SamePhone(was.Phone, is.Phone))
}

// renameTries bounds how often rename reads the record again because others write it too.
const renameTries = 5

// rename gives the lead's record the identity that a system notice tells. If the notice has no
// phone, the record has none afterwards: see "Whose lead" in the package documentation.
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
			return nil // the record has changed already, or never had the old identity
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

// quoted replaces the id of a quoted message by the one that its sender was given. At Meta a
// message has only one id.
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
