package redisstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"wagate/followup"
	"wagate/providers"
)

var (
	settleScript  = loadOfLead("settle")
	correctScript = loadOfLead("correct")
)

type settleRequest struct {
	Contact map[string]string `json:"contact"`
	Twin    string            `json:"twin"` // the other spelling of the contact's phone
	Account bool              `json:"account"`
	Items   []settleItem      `json:"items"`
	// Most and Deep bound what may wait, as lua/settle.lua says.
	Most map[followup.AssistantID]int64 `json:"most,omitempty"`
	Deep int                            `json:"deep"`
}

type settleItem struct {
	Channel   followup.ChannelID   `json:"c"`
	Assistant followup.AssistantID `json:"a"`
	At        int64                `json:"at"`
	Opens     bool                 `json:"op,omitempty"`
	Reply     bool                 `json:"rp,omitempty"`
	Outbound  bool                 `json:"ob,omitempty"`
	Renamed   bool                 `json:"nw,omitempty"`
	OptOut    *bool                `json:"oo,omitempty"`
	OptOutAt  int64                `json:"oat"`
	Undated   bool                 `json:"ud,omitempty"`
	Receipt   *receipt             `json:"rc,omitempty"`
	Shares    int                  `json:"sh,omitempty"` // the relay event of that item, counting from 1
}

type receipt struct {
	Attempt followup.AttemptID    `json:"a"`
	State   providers.StatusState `json:"st"`
	Rank    int                   `json:"rk"`
	Kind    providers.ErrorKind   `json:"k"`
	Message string                `json:"m"`
}

// Settle implements followup.SettleStore.
func (s *Store) Settle(ctx context.Context, st followup.Settlement) (followup.Settled, error) {
	if len(st.Items) == 0 && st.Contact == (providers.Contact{}) {
		return followup.Settled{}, nil
	}
	if sayings(st) && !s.followed.take(st.Lead) {
		out, usual, err := s.said(ctx, st)
		if err != nil {
			return followup.Settled{}, fmt.Errorf("settle: %w", err)
		}
		if usual {
			return out, nil
		}
	}
	return s.settleWhole(ctx, st)
}

// settleWhole settles whatever it is.
func (s *Store) settleWhole(ctx context.Context, st followup.Settlement) (followup.Settled, error) {
	req := settleRequest{
		Account: st.Account, Items: []settleItem{}, Twin: followup.PhoneTwin(st.Contact.Phone),
		Contact: map[string]string{"nm": st.Contact.Name, "ph": st.Contact.Phone, "ui": st.Contact.UserID},
	}
	sc := scope{lead: st.Lead, tenant: st.Tenant, now: st.Now, real: st.Real}
	var ids []byte
	payloads := make([]any, 0, 2*len(st.Items))
	firsts := map[*followup.RelayEvent]int{} // who has it first
	for i, it := range st.Items {
		ids = append(ids, dedupID(it.DedupID)...)
		sc.assistants = append(sc.assistants, it.Assistant)
		sc.channels = append(sc.channels, it.Channel)
		item := settleItem{
			Channel: it.Channel, Assistant: it.Assistant, At: ms(it.At),
			Opens: it.Opens, Reply: it.Reply, Outbound: it.Outbound, Renamed: it.NewIdentity, OptOut: it.OptOut,
			Undated: it.Undated,
		}
		if it.OptOut != nil {
			item.OptOutAt = ms(cmp.Or(it.OptOutAt, it.At))
		}
		if r := it.Receipt; r != nil {
			item.Receipt = &receipt{Attempt: r.Attempt, State: r.State, Rank: r.State.Rank(), Kind: r.Kind, Message: r.MessageID}
		}
		first, shared := firsts[it.Relay]
		if shared {
			item.Shares, it.Relay = first, nil
		} else if it.Relay != nil {
			firsts[it.Relay] = i + 1
		}
		req.Items = append(req.Items, item)
		payloads = append(payloads, elementText(it.Relay, st.Real), entryText(it.Entry))
	}
	req.Most, req.Deep = s.limits(st.Items)
	r, raised, err := s.settle(ctx, sc, req, append([]any{string(ids)}, payloads...))
	if st.Account && errors.Is(err, followup.ErrLeadMoved) {
		return s.settleVacated(ctx, st)
	}
	if err != nil {
		s.unpromised(err, r.list(1).ended())
		if errors.Is(err, followup.ErrLeadMoved) || errors.Is(err, followup.ErrBacklog) {
			return followup.Settled{}, err
		}
		return followup.Settled{}, fmt.Errorf("settle: %w", err)
	}
	if r.text(0) == "none" {
		return followup.Settled{}, followup.ErrNotFound
	}
	out := settledOf(r)
	for i, it := range st.Items {
		if out.Fresh[i] && it.Relay != nil && raised[it.Assistant] {
			s.backlog.took(deadField(st.Tenant, it.Assistant))
		}
	}
	corrected, err := s.correctMerged(ctx, st)
	if err != nil {
		s.onEnded(out.Ended) // whoever repeats it finds them ended
		return followup.Settled{}, err
	}
	out.Corrections = append(out.Corrections, corrected...)
	return out, nil
}

// settle runs the script, and again with more room for each assistant whose
// partition has used up its share while the whole bound has not.
func (s *Store) settle(
	ctx context.Context, sc scope, req settleRequest, payloads []any,
) (r reply, raised map[followup.AssistantID]bool, err error) {
	for range maxNeeds {
		r, err = s.call(ctx, s.runDurable, settleScript, sc, append([]any{marshal(req)}, payloads...)...)
		if err != nil || r.text(0) != "full" {
			return r, raised, err
		}
		a := followup.AssistantID(r.text(1))
		if req.Most[a], err = s.raise(ctx, sc.tenant, a, r.int(2), r.int(3)); err != nil {
			return nil, nil, err
		}
		if raised == nil {
			raised = map[followup.AssistantID]bool{}
		}
		raised[a] = true
	}
	return nil, nil, followup.ErrBacklog // it fills up faster than we can tell
}

// correctMerged hands receipts about steps of leads that were merged into this
// one to where those steps are recorded. Of a repetition, too: what was settled
// here may not have got there, and its rank lets it happen once.
func (s *Store) correctMerged(ctx context.Context, st followup.Settlement) (out []followup.Correction, err error) {
	for _, it := range st.Items {
		if it.Receipt == nil || it.Receipt.Attempt == "" || it.Receipt.Attempt.Lead() == st.Lead {
			continue
		}
		a := it.Receipt.Attempt
		heir, err := s.heir(ctx, a.Lead())
		if err != nil {
			return out, err
		}
		ours := st.Lead
		if heir != ours { // which may have been merged on since it settled this
			if ours, err = s.heir(ctx, ours); err != nil {
				return out, err
			}
		}
		if heir != ours {
			continue // somebody else's
		}
		r, err := s.call(ctx, s.runDurable, correctScript,
			scope{lead: a.Lead(), tenant: st.Tenant, now: st.Now, real: st.Real},
			marshal(map[string]any{"a": a, "rk": it.Receipt.State.Rank(), "m": it.Receipt.MessageID}))
		if errors.Is(err, followup.ErrLeadMoved) {
			continue
		}
		if err != nil {
			return out, fmt.Errorf("correct a merged lead's step: %w", err)
		}
		corrected := r.list(0).corrections()
		out = append(out, corrected...)
		s.forwardIf(ctx, len(corrected) > 0, st.Tenant, a.Lead())
	}
	return out, nil
}

// dedupBytes is what is remembered of an event's id.
const dedupBytes = 8

// dedupID shortens an event's id to what is remembered of it. Within one lead's
// nine days 64 bits do not collide. None is all zero, which the script takes for always
// fresh.
func dedupID(id string) []byte {
	if id == "" {
		return make([]byte, dedupBytes)
	}
	sum := sha256.Sum256([]byte(id))
	return sum[:dedupBytes]
}

// settledOf reads the reply of settle.
func settledOf(r reply) followup.Settled {
	flags := r.text(0)
	out := followup.Settled{
		Fresh: make([]bool, len(flags)), Ended: r.list(1).ended(), Rearm: r.list(2).assistants(),
		Corrections: r.list(3).corrections(), Due: r.text(4) == "1",
	}
	for i := range out.Fresh {
		out.Fresh[i] = flags[i] == '1'
	}
	return out
}
