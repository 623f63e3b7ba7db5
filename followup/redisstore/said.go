package redisstore

import (
	"context"
	"slices"

	"wagate/followup"
	"wagate/followup/window"
)

var saidScript = loadOfLead("said")

// maxSayings bounds the items that said takes. More at once are left to settle.
const maxSayings = 64

// sayings reports whether said may be able to settle st: the lead writes on one channel to one
// assistant, and each message affects nothing but the window, the relay queue and the history.
func sayings(st followup.Settlement) bool {
	if st.Account || len(st.Items) == 0 || len(st.Items) > maxSayings {
		return false
	}
	first := st.Items[0]
	for i, it := range st.Items {
		plain := it.Reply && it.Relay != nil && it.DedupID != "" &&
			!it.Outbound && !it.NewIdentity && it.OptOut == nil && it.Receipt == nil
		shares := slices.ContainsFunc(st.Items[:i], func(before followup.Item) bool { return before.Relay == it.Relay })
		if !plain || shares || it.Channel != first.Channel || it.Assistant != first.Assistant {
			return false
		}
	}
	return true
}

// said settles the ordinary messages that most leads send, at less than half of what settle costs.
// usual is false if only settle can do it; then nothing has happened.
func (s *Store) said(ctx context.Context, st followup.Settlement) (out followup.Settled, usual bool, err error) {
	t, of := s.tag(st.Lead), st.Items[0]
	keys := []string{
		t.lead(st.Lead), t.dedup(st.Lead), t.windows(), t.relayIndex(), t.relayBacklog(),
		t.queue(st.Lead, of.Assistant), t.relayDue(of.Assistant), t.history(st.Lead, of.Channel),
	}
	most, deep := int64(-1), 0
	if limits, each := s.limits(st.Items[:1]); limits != nil {
		most, deep = limits[of.Assistant], each
	}
	ids := make([]byte, 0, dedupBytes*len(st.Items))
	args := make([]any, 0, 15+4*len(st.Items))
	args = append(args, s.newToken(), string(st.Lead), string(st.Tenant), string(of.Assistant), string(of.Channel),
		ms(st.Now), ms(st.Real), most, deep, st.Contact.Name, st.Contact.Phone, st.Contact.UserID,
		followup.PhoneTwin(st.Contact.Phone), s.fewInHash, nil)
	for _, it := range st.Items {
		ids = append(ids, dedupID(it.DedupID)...)
		var from, closes int64
		if it.Opens {
			from, closes = ms(it.At), ms(it.At.Add(window.Length))
		}
		args = append(args, from, closes, elementText(it.Relay, st.Real), entryText(it.Entry))
	}
	args[14] = ids
	v, err := s.runDurable(ctx, saidScript, keys, args...)
	if err != nil {
		return followup.Settled{}, false, err
	}
	r, _ := v.([]any)
	switch reply(r).text(0) {
	case "ok":
		return settledOf(r[1:]), true, nil
	case "unusual":
		return followup.Settled{}, false, nil
	}
	return followup.Settled{}, false, errReply
}
