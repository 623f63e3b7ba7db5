package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// receipt reads a status as a receipt, and finds the attempt of ours that it is
// about, if there is one. What its ids teach is stored.
func (in *Ingest) receipt(ctx context.Context, a *arrival, now time.Time) error {
	st := a.event.Status
	r := followup.Receipt{State: st.State, MessageID: st.MessageID}
	if st.Err != nil {
		r.Kind = st.Err.Kind
		if in.p.Failed != nil {
			in.p.Failed(a.channel.ID, st.Err)
		}
	}
	attempt, ours := followup.ParseOpaque(st.Opaque)
	r.Attempt = attempt
	a.receipt = &r

	var park *followup.Parked
	if !ours {
		park = &followup.Parked{Channel: a.channel.ID, Receipt: r, At: now}
	}
	ref, err := in.message(ctx, a.channel.Tenant, st, park)
	known := err == nil
	if err != nil && !errors.Is(err, followup.ErrNotFound) {
		return fmt.Errorf("find message: %w", err)
	}
	if known && !ours {
		r.Attempt = ref.Attempt
	}
	if ours && !known {
		if ref.Opaque, err = in.opaque(ctx, a.channel.Tenant, attempt); err != nil {
			return err
		}
	}
	if ours || ref.Opaque != "" { // not every provider carries ours, and the sender gets his all the same
		a.rewrite.Opaque = &ref.Opaque // none: ours is removed
	}
	if known && ref.SenderID != "" && ref.SenderID != st.MessageID {
		a.rewrite.StatusID = ref.SenderID
	}
	if r.Attempt == "" {
		return nil
	}
	return in.learn(ctx, a, ref, known)
}

// opaque returns what the sender of an attempt wants back whose message is not
// known yet: the guard has noted it before the call.
func (in *Ingest) opaque(ctx context.Context, tenant followup.TenantID, attempt followup.AttemptID) (string, error) {
	own, err := in.p.Store.Opaque(ctx, tenant, attempt)
	if err != nil && !errors.Is(err, followup.ErrNotFound) {
		return "", fmt.Errorf("find attempt: %w", err)
	}
	return own, nil
}

// message finds a message by any of a status's ids, and whether receipts wait
// under any of them. If none is known, the receipt is parked under the one that
// the send call will answer with; that is asked last, so that a receipt is
// either found or parked.
func (in *Ingest) message(
	ctx context.Context, tenant followup.TenantID, st *providers.Status, park *followup.Parked,
) (followup.MessageRef, error) {
	var found followup.MessageRef
	known := false
	for _, id := range st.OtherIDs {
		ref, err := in.p.Store.Message(ctx, tenant, id, nil)
		switch {
		case errors.Is(err, followup.ErrNotFound):
		case err != nil:
			return ref, err
		case known:
			found.Waiting = found.Waiting || ref.Waiting
		default:
			found, known = ref, true
		}
	}
	if known {
		park = nil
	}
	ref, err := in.p.Store.Message(ctx, tenant, st.MessageID, park)
	if !known || (err != nil && !errors.Is(err, followup.ErrNotFound)) {
		return ref, err
	}
	found.Waiting = found.Waiting || ref.Waiting
	return found, nil
}

// learn stores ids of a message that were not known yet, and takes up the
// receipts that wait for them; also those of a message that is known by now,
// for whoever took them up before may have fallen before they took effect.
func (in *Ingest) learn(ctx context.Context, a *arrival, ref followup.MessageRef, known bool) error {
	st := a.event.Status
	wamid := whatsappID(st)
	if known && !ref.Waiting && (ref.ProviderID != "" || wamid == "") {
		return nil
	}
	link := followup.MessageRef{Attempt: a.receipt.Attempt, SenderID: ref.SenderID, ProviderID: wamid, Opaque: ref.Opaque}
	if !known {
		// The answer of the send call is not stored yet, or never came.
		link.SenderID = st.MessageID
		if a.channel.Provider == providers.Meta {
			link.ProviderID = st.MessageID
		}
	}
	parked, err := in.p.Store.LinkMessage(ctx, a.channel.Tenant, link)
	if err != nil {
		return fmt.Errorf("link message: %w", err)
	}
	for _, p := range parked {
		p.Receipt.Attempt = a.receipt.Attempt
		a.parked = append(a.parked, p)
	}
	return nil
}

// whatsappID returns the further id that WhatsApp itself knows the message by,
// if one was told. Decoders list it last; where the format gives it away, that
// counts more.
func whatsappID(st *providers.Status) string {
	id := ""
	for _, other := range st.OtherIDs {
		if strings.HasPrefix(other, "wamid.") {
			return other
		}
		id = other
	}
	return id
}

// parkedItem is a receipt that waited: its event has been relayed already.
func parkedItem(a *arrival, p followup.Parked) followup.Item {
	return followup.Item{
		DedupID: fmt.Sprintf("parked:%s:%s", p.Receipt.Attempt, p.Receipt.State),
		Channel: a.channel.ID, Assistant: a.channel.Assistant, At: p.At, Receipt: &p.Receipt,
	}
}
