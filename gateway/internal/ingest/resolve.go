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

// resolve finds the lead of an event. again is true when that has to be done
// once more, because the lead that was found is another by now.
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
		a.lead, a.nobody = who.Lead, false // where it moved, settling finds out
		return nil
	}
	lead, err := in.p.Store.Resolve(ctx, a.channel.Tenant, who, a.createsLead(), now)
	if errors.Is(err, followup.ErrNotFound) && who.Lead != "" {
		who.Lead = "" // erased, or somebody else's: its contact counts
		lead, err = in.p.Store.Resolve(ctx, a.channel.Tenant, who, a.createsLead(), now)
	}
	if err != nil && !errors.Is(err, followup.ErrNotFound) {
		return fmt.Errorf("resolve contact: %w", err)
	}
	a.lead, a.nobody = lead, false
	switch {
	case e.Group != "": // its member is linked like anybody, but what he says there is the group's
		a.lead, a.nobody = followup.GroupLead(a.channel.ID, e.Group), true
	case err == nil && renamed(e):
		return in.rename(ctx, a, now)
	case err == nil:
	case who == (followup.Identity{}):
		a.lead, a.nobody = followup.AccountLead(a.channel.ID), true
	default:
		a.lead, a.nobody = followup.ContactLead(a.channel.Tenant, who), true
	}
	return nil
}

// identity returns all that the event says about who its lead is. A status about
// an attempt names the lead himself; what phone it names alone may be the one that
// he had when the message was sent.
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

// createsLead reports whether an unknown contact becomes a lead: one who does
// something, and one who is named by two identities, as only this event may ever
// tell that they are of one. A receipt of ours founds none: its lead was erased.
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

// acts reports whether the event is something that the contact did; else it
// merely mentions him.
func acts(e *providers.Event) bool {
	effect := followup.EffectOf(e.Kind)
	return effect.Opens || effect.Reply || e.Kind == providers.KindPreference
}

// called returns the contact as WhatsApp calls him in the event. What merely
// mentions him may spell his phone otherwise, or name one that he no longer has.
func called(e *providers.Event) providers.Contact {
	if acts(e) || e.Kind == providers.KindSystem {
		return e.Contact
	}
	return providers.Contact{Name: e.Contact.Name}
}

// renamed reports whether a system notice says that the contact has another
// identity now, and not only another spelling of his phone.
func renamed(e *providers.Event) bool {
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
