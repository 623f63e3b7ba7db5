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

// settleRequest is the request of lua/settle.lua.
type settleRequest struct {
	Contact map[string]string `json:"contact"`
	Twin    string            `json:"twin"` // the other spelling of the contact's phone
	Account bool              `json:"account"`
	Items   []settleItem      `json:"items"`
	// Most says how many events may wait for each assistant in the lead's partition, dead letters
	// included; nil: any number. Deep says how many of the lead's own may.
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
	Shares    int                  `json:"sh,omitempty"` // the item, counting from 1, whose relay event this one has too
}

// receipt is a receipt as lua/settle.lua and lua/correct.lua read it.
type receipt struct {
	Attempt followup.AttemptID    `json:"a"`
	State   providers.StatusState `json:"st"`
	Rank    int                   `json:"rk"`
	Kind    providers.ErrorKind   `json:"k"`
	Failure followup.Reason       `json:"f,omitempty"` // why the message failed; absent unless it did
	Message string                `json:"m"`
}

func receiptOf(r followup.Receipt) *receipt {
	out := &receipt{Attempt: r.Attempt, State: r.State, Rank: r.State.Rank(), Kind: r.Kind, Message: r.MessageID}
	if r.State == providers.StatusFailed {
		out.Failure = followup.FailedBy(r.Kind)
	}
	return out
}

// Settle implements followup.SettleStore. It tries an ordinary message with lua/said.lua, which
// costs less, and settles everything else with lua/settle.lua. It does not try a lead that was
// last seen with a run: the reply ends the run, which only settle.lua can do.
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

// settleWhole settles any settlement, with lua/settle.lua.
func (s *Store) settleWhole(ctx context.Context, st followup.Settlement) (followup.Settled, error) {
	req := settleRequest{
		Account: st.Account, Items: []settleItem{}, Twin: followup.PhoneTwin(st.Contact.Phone),
		Contact: map[string]string{"nm": st.Contact.Name, "ph": st.Contact.Phone, "ui": st.Contact.UserID},
	}
	sc := scope{lead: st.Lead, tenant: st.Tenant, now: st.Now, real: st.Real}
	var ids []byte
	payloads := make([]any, 0, 2*len(st.Items))
	firsts := map[*followup.RelayEvent]int{} // the first item, counting from 1, that has the event
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
			item.Receipt = receiptOf(*r)
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
		s.onEnded(out.Ended) // a repeated call finds these runs ended already and does not return them
		return followup.Settled{}, err
	}
	out.Corrections = append(out.Corrections, corrected...)
	return out, nil
}

// settle runs the script. If the partition has used up its share of an assistant's bound, but all
// partitions together have not, it runs the script again with more room for that assistant.
// raised holds the assistants that were given more room.
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
	return nil, nil, followup.ErrBacklog // the queue fills up faster than its bound is raised
}

// correctMerged applies receipts about steps of leads that were merged into this one. Those steps
// are recorded with the merged leads. It looks at repeated receipts, too: the first settlement may
// have got no further than this lead, and the rank of a receipt lets it take effect only once.
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
		if heir != ours { // ours may have been merged itself since it settled this
			if ours, err = s.heir(ctx, ours); err != nil {
				return out, err
			}
		}
		if heir != ours {
			continue // the step is another lead's
		}
		r, err := s.call(ctx, s.runDurable, correctScript,
			scope{lead: a.Lead(), tenant: st.Tenant, now: st.Now, real: st.Real},
			marshal(receiptOf(*it.Receipt)))
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

// dedupBytes is how many bytes of an event id's hash are remembered.
const dedupBytes = 8

// dedupID shortens an event's id to what is remembered of it. 64 bits do not collide among the
// ids that one lead has in nine days. An empty id becomes all zero bytes, which the script takes
// as always fresh.
func dedupID(id string) []byte {
	if id == "" {
		return make([]byte, dedupBytes)
	}
	sum := sha256.Sum256([]byte(id))
	return sum[:dedupBytes]
}

// settledOf reads the reply of lua/settle.lua or lua/said.lua, without its tag.
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
