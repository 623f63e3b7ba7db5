package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// receipt reads a status as a receipt and finds the attempt of ours that it is about, if there is
// one. It stores the ids that the status teaches.
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
	ref, all, err := in.message(ctx, a.channel.Tenant, st, park)
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
	if ours || ref.Opaque != "" { // not every provider carries our opaque data; the sender gets its own back in any case
		a.rewrite.Opaque = &ref.Opaque // empty: our own is removed
	}
	if known && ref.SenderID != "" && ref.SenderID != st.MessageID {
		a.rewrite.StatusID = ref.SenderID
	}
	if r.Attempt == "" || all && !ref.Waiting {
		return nil
	}
	return in.learn(ctx, a, ref)
}

// opaque returns the opaque data that the sender of an attempt wants back, for an attempt whose
// message is not known yet. The guard stored it before the call.
func (in *Ingest) opaque(ctx context.Context, tenant followup.TenantID, attempt followup.AttemptID) (string, error) {
	own, err := in.p.Store.Opaque(ctx, tenant, attempt)
	if err != nil && !errors.Is(err, followup.ErrNotFound) {
		return "", fmt.Errorf("find attempt: %w", err)
	}
	return own, nil
}

// message finds a message by any of a status's ids. The result says whether receipts are parked
// under any of the ids, and all says whether every id finds the message. If no id is known, the
// receipt is parked under the id that the send call will answer with. That id is looked up last, so
// that a receipt is either found or parked.
func (in *Ingest) message(
	ctx context.Context, tenant followup.TenantID, st *providers.Status, park *followup.Parked,
) (found followup.MessageRef, all bool, err error) {
	known := 0
	for _, id := range st.OtherIDs {
		ref, err := in.p.Store.Message(ctx, tenant, id, nil)
		switch {
		case errors.Is(err, followup.ErrNotFound):
			continue
		case err != nil:
			return ref, false, err
		case known > 0:
			found.Waiting = found.Waiting || ref.Waiting
		default:
			found = ref
		}
		known++
	}
	if known > 0 {
		park = nil
	}
	ref, err := in.p.Store.Message(ctx, tenant, st.MessageID, park)
	switch {
	case known == 0 || err != nil && !errors.Is(err, followup.ErrNotFound):
		return ref, err == nil && len(st.OtherIDs) == 0, err
	case err != nil:
		return found, false, nil
	}
	found.Waiting = found.Waiting || ref.Waiting
	return found, known == len(st.OtherIDs), nil
}

// learn stores the ids of a message that are not known yet, because later statuses may carry any of
// them. It takes up the receipts that are parked under the ids, even if the message is known
// already: whoever took them up before may have crashed before they took effect.
func (in *Ingest) learn(ctx context.Context, a *arrival, ref followup.MessageRef) error {
	st := a.event.Status
	// If the sender's id is not known, the answer of the send call is not stored yet or never came.
	sender := cmp.Or(ref.SenderID, st.MessageID)
	ids := slices.DeleteFunc(whatsappFirst(st), func(id string) bool { return id == sender })
	if len(ids) == 0 {
		ids = []string{""} // there is no other id
	}
	for _, id := range ids {
		link := followup.MessageRef{Attempt: a.receipt.Attempt, SenderID: sender, ProviderID: id, Opaque: ref.Opaque}
		parked, err := in.p.Store.LinkMessage(ctx, a.channel.Tenant, link)
		if err != nil {
			return fmt.Errorf("link message: %w", err)
		}
		for _, p := range parked {
			p.Receipt.Attempt = a.receipt.Attempt
			a.parked = append(a.parked, p) // each id may return it again; it takes effect once, by its rank
		}
	}
	return nil
}

// whatsappFirst returns the ids of a message, beginning with the one that WhatsApp itself most
// likely knows it by, because the first id that is linked is kept as WhatsApp's. Decoders list that
// id last, but an id that has the form of WhatsApp's takes precedence.
func whatsappFirst(st *providers.Status) []string {
	ids := append([]string{st.MessageID}, st.OtherIDs...)
	slices.Reverse(ids)
	if i := slices.IndexFunc(ids, func(id string) bool { return strings.HasPrefix(id, "wamid.") }); i > 0 {
		ids[0], ids[i] = ids[i], ids[0]
	}
	return ids
}

// parkedItem returns the item of a parked receipt. It relays nothing: the event was relayed when it
// came.
func parkedItem(a *arrival, p followup.Parked) followup.Item {
	return followup.Item{
		DedupID: fmt.Sprintf("parked:%s:%s", p.Receipt.Attempt, p.Receipt.State),
		Channel: a.channel.ID, Assistant: a.channel.Assistant, At: p.At, Receipt: &p.Receipt,
	}
}
