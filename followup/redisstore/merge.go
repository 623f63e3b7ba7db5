package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var (
	expectScript    = loadOfLead("expect")
	mergeOutScript  = loadOfLead("merge_out")
	mergeInScript   = loadOfLead("merge_in")
	forwardScript   = loadOfLead("forward")
	forwardInScript = loadOfLead("forward_in")
)

// mergeIn is the request of lua/merge_in.lua: what the loser of a merge hands over.
type mergeIn struct {
	From      string                             `json:"from"`
	StandIn   bool                               `json:"stand_in"`
	Fields    map[string]string                  `json:"fields"`
	Custom    string                             `json:"custom"` // the loser's, joined with Had; "" for none
	Had       string                             `json:"had"`    // the winner's custom fields when they were read
	Windows   map[followup.ChannelID]mergeWindow `json:"windows"`
	Attempts  map[string]string                  `json:"attempts"`
	Histories [][]string                         `json:"histories"`
	Queues    [][]string                         `json:"queues"`
	OptedOut  bool                               `json:"out"`
	OptedAt   int64                              `json:"outat"`
	CRMAt     int64                              `json:"crm"`
	Imported  []followup.LeadID                  `json:"imported"`
	Forwarded map[string]int64                   `json:"forwarded"`
	// After is the lead that the loser was merged into, if that lead has itself been merged since,
	// so that the winner is its heir.
	After followup.LeadID `json:"after,omitempty"`
}

// mergeWindow is the loser's window on one channel. Its JSON names are those of the fields of the
// lead's hash.
type mergeWindow struct {
	At      int64  `json:"w"`
	Opener  string `json:"wo"`
	Refused string `json:"wr"`
	Used    int64  `json:"wu"`
}

// merge makes loser a part of winner, or of another lead if somebody has begun to merge it into
// that one. If the winner is merged away or erased meanwhile, merge may return nil without having
// merged the two: the caller must look at the identities again.
func (s *Store) merge(ctx context.Context, tenant followup.TenantID, winner, loser followup.LeadID, now time.Time) error {
	sc, fields, err := s.fullScope(ctx, tenant, loser, now)
	if err != nil {
		return err
	}
	if fields["mv"] == erased {
		// The loser is erased, but not all of its identities have been taken away.
		return s.realias(ctx, tenant, loser, "", fields)
	}
	if err := s.expect(ctx, sc, winner); err != nil {
		if errors.Is(err, followup.ErrLeadMoved) {
			// The winner's own merge or erasure was cut short, which is why identities still lead to it.
			_, err = s.unfinished(ctx, tenant, winner, now)
		}
		return err
	}
	sc.frozen = true
	r, err := s.call(ctx, s.runDurable, mergeOutScript, sc, marshal(map[string]any{"to": winner}))
	s.unpromised(err, r.list(0).ended())
	if err != nil || r.text(0) == "barred" { // barred: the winner is being erased
		return err
	}
	switch r.text(0) {
	case erased:
		return s.realias(ctx, tenant, loser, "", fields)
	case "erasing":
		return s.forget(ctx, tenant, loser, now) // whoever asked for the erasure may have died
	}
	s.onEnded(r.list(0).ended())
	fields = r.list(1).fields()
	if fields["mv"] != string(winner) {
		if winner, err = s.heir(ctx, followup.LeadID(fields["mv"])); err != nil {
			return err
		}
		if winner == erased && loser.StandIn() {
			return s.vacate(ctx, sc, followup.LeadID(fields["mv"]))
		}
		if winner == erased {
			return nil
		}
	}
	in, custom, err := mergeInOf(loser, winner, fields, r)
	if err != nil {
		return err
	}
	sc.channels, sc.assistants = nil, r.list(6).assistants() // those whose histories and queues were read
	for _, c := range texts(r.list(4)) {
		sc.channels = append(sc.channels, followup.ChannelID(c))
	}
	into := sc
	into.lead, into.frozen = winner, false
	r, err = s.importInto(ctx, into, in, custom, r.text(2))
	s.unpromised(err, r.list(0).ended())
	if errors.Is(err, followup.ErrLeadMoved) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.text(0) == "early" {
		// The winner has not imported in.After yet, which may have imported the loser: finish that first.
		if err := s.merge(ctx, tenant, winner, in.After, now); err != nil {
			return err
		}
		return s.merge(ctx, tenant, winner, loser, now)
	}
	s.onEnded(r.list(0).ended())
	return s.clearLoser(ctx, sc, winner, fields)
}

// mergeInOf makes the request of lua/merge_in.lua from out, the reply of lua/merge_out.lua. fields is
// the loser's hash. The loser's custom fields are returned apart, because they must be joined with
// the winner's.
func mergeInOf(
	loser, winner followup.LeadID, fields map[string]string, out reply,
) (in mergeIn, custom map[string]any, err error) {
	lead, err := parseLead(loser, fields)
	if err != nil {
		return mergeIn{}, nil, err
	}
	in = mergeIn{
		From: importedAs(loser, fields), StandIn: loser.StandIn(), Fields: map[string]string{},
		Windows: map[followup.ChannelID]mergeWindow{}, Attempts: out.list(3).fields(), Histories: [][]string{},
		Queues: [][]string{}, OptedOut: fields["oo"] == "1", OptedAt: ms(msField(fields["oa"])), CRMAt: ms(lead.CRMAt),
		Imported: []followup.LeadID{}, Forwarded: map[string]int64{},
	}
	if to := followup.LeadID(fields["mv"]); to != winner {
		in.After = to
	}
	for _, f := range []string{"nm", "ph", "ui", "em", "co", "xi", "ai", "ci", "st"} {
		if fields[f] != "" {
			in.Fields[f] = fields[f]
		}
	}
	for c, w := range lead.Windows {
		in.Windows[c] = mergeWindow{
			At: ms(w.LastInbound), Opener: openerText(w.Of(lead).OpenedBy), Refused: fields["wr:"+string(c)], Used: ms(w.UsedAt),
		}
	}
	for f, v := range fields {
		if lead, ok := strings.CutPrefix(f, "im:"); ok && v == "1" {
			in.Imported = append(in.Imported, followup.LeadID(lead))
		}
		if strings.HasPrefix(f, "fw:") {
			in.Forwarded[f], _ = strconv.ParseInt(v, 10, 64)
		}
	}
	for i := range out.list(4) {
		in.Histories = append(in.Histories, texts(out.list(5).list(i)))
	}
	for i := range out.list(6) {
		in.Queues = append(in.Queues, texts(out.list(7).list(i)))
	}
	return in, lead.CustomFields, nil
}

// clearLoser ends a merge once the winner has imported the loser. It makes the dead letters and the
// identities the winner's, and removes from the loser what was handed over. loser names the channels
// and assistants of what was handed over; fields is the loser's hash.
func (s *Store) clearLoser(ctx context.Context, loser scope, winner followup.LeadID, fields map[string]string) error {
	if err := s.moveDead(ctx, loser.tenant, loser.lead, winner); err != nil {
		return err
	}
	clear := eraseRequest{Keep: true, To: winner}
	if loser.lead.StandIn() {
		clear.As = []string{"b", fields["b"]}
	} else if err := s.realias(ctx, loser.tenant, loser.lead, winner, fields); err != nil {
		return err
	}
	_, err := s.erase(ctx, loser, clear)
	return err
}

// importInto imports what a loser hands over into the winner; seen is the loser's first sights.
// Custom fields are joined here, because a script would make floats of the numbers in them. If the
// winner's have changed by the time that they are written, they are joined again.
func (s *Store) importInto(ctx context.Context, winner scope, in mergeIn, custom map[string]any, seen string) (reply, error) {
	for range maxRounds {
		if len(custom) > 0 {
			had, err := s.db.HGet(ctx, s.tag(winner.lead).lead(winner.lead), "cf").Result()
			if err != nil && !errors.Is(err, redis.Nil) {
				return nil, fmt.Errorf("read custom fields: %w", err)
			}
			ours, err := followup.ParseFields([]byte(cmp.Or(had, "null")))
			if err != nil {
				return nil, err
			}
			in.Had, in.Custom = had, marshal(followup.JoinFields(ours, custom))
		}
		if r, err := s.call(ctx, s.runDurable, mergeInScript, winner, marshal(in), seen); err != nil || r.text(0) != "again" {
			return r, err
		}
	}
	return nil, followup.ErrConflict
}

// expect notes at the winner that the loser is about to become a part of it. So an erasure of the
// winner finds the loser, wherever the merge stops. A stand-in needs no note, as it is found by
// the identities.
func (s *Store) expect(ctx context.Context, loser scope, winner followup.LeadID) error {
	if loser.lead.StandIn() {
		return nil
	}
	into := scope{lead: winner, tenant: loser.tenant, now: loser.now, real: loser.real}
	_, err := s.call(ctx, s.runDurable, expectScript, into, marshal(map[string]any{"from": loser.lead}))
	return err
}

// forwardIf forwards at once what a script left in the lead's queues, if moved says that the lead
// is a tombstone. It ignores errors: the next claim of such a queue forwards it, too.
func (s *Store) forwardIf(ctx context.Context, moved bool, tenant followup.TenantID, lead followup.LeadID) {
	if moved {
		_ = s.forward(ctx, tenant, lead)
	}
}

// forward moves the events of a merged lead's last steps from its queues to those of the lead it
// became, behind what the merge has put there. Each element is queued there before it is removed
// here, and both leads count the elements. So forward may be repeated from wherever it stopped.
func (s *Store) forward(ctx context.Context, tenant followup.TenantID, lead followup.LeadID) error {
	sc, _, err := s.fullScope(ctx, tenant, lead, s.now())
	if err != nil {
		return err
	}
	for _, a := range sc.assistants {
		if err := s.forwardTo(ctx, scope{
			lead: lead, tenant: tenant, now: sc.now, real: sc.real, assistants: []followup.AssistantID{a},
		}, a); err != nil {
			return fmt.Errorf("forward events: %w", err)
		}
	}
	return nil
}

// forwardTo forwards the events for one assistant.
func (s *Store) forwardTo(ctx context.Context, from scope, a followup.AssistantID) error {
	done := int64(0) // how many elements the heir has had, of all that were ever in the queue
	for range maxHeirs {
		heir, err := s.heir(ctx, from.lead)
		if err != nil || heir == from.lead {
			return err
		}
		if heir == erased {
			return s.forget(ctx, from.tenant, from.lead, from.now)
		}
		r, err := s.call(ctx, s.run, forwardScript, from, marshal(map[string]any{"a": a, "done": done}))
		if err != nil || r.text(0) == "none" {
			return err
		}
		if r.text(0) == "unfinished" {
			if err := s.merge(ctx, from.tenant, heir, from.lead, from.now); err != nil {
				return err
			}
			continue
		}
		elements := r.list(1)
		if len(elements) == 0 {
			return nil
		}
		to := from
		to.lead = heir
		req := map[string]any{"from": from.lead, "a": a, "before": r.int(0)}
		first := followup.LeadID(r.text(2))
		if first != heir {
			req["after"] = first
		}
		r, err = s.call(ctx, s.runDurable, forwardInScript, to, append([]any{marshal(req)}, elements...)...)
		if err != nil && !errors.Is(err, followup.ErrLeadMoved) { // if the heir has moved: again, to its own heir
			return err
		}
		if r.text(0) == "early" {
			if err := s.merge(ctx, from.tenant, heir, first, from.now); err != nil {
				return err
			}
		}
		done = r.int(0)
	}
	return followup.ErrConflict
}
