package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"wagate/followup"
)

// scope says whose keys a script about one lead declares. A script that needs the relay queue of an
// assistant, or the history of a channel, that scope does not list says so before it writes
// anything, and is called again.
type scope struct {
	lead       followup.LeadID
	tenant     followup.TenantID
	now, real  time.Time
	assistants []followup.AssistantID
	channels   []followup.ChannelID
	frozen     bool // also declare the frozen deliveries of the assistants
}

// head is the scope in the form that lua/lib/lead.lua reads.
type head struct {
	Lead       followup.LeadID        `json:"l"`
	Tenant     followup.TenantID      `json:"t"`
	Now        int64                  `json:"n"`
	Real       int64                  `json:"r"`
	Request    string                 `json:"q"`
	Assistants []followup.AssistantID `json:"a"`
	Channels   []followup.ChannelID   `json:"c"`
	StandIn    bool                   `json:"s,omitempty"`
	FewInHash  bool                   `json:"f,omitempty"`
}

func (s *Store) leadKeys(sc scope) []string {
	t := s.tag(sc.lead)
	keys := []string{
		t.lead(sc.lead), t.runs(sc.lead), t.attempts(sc.lead), t.stepsDue(sc.tenant), t.stepsIndex(),
		t.stepsLeases(), t.control(), t.windows(), t.relayIndex(), t.dedup(sc.lead),
		t.relayBacklog(), t.deadCounted(),
	}
	for _, a := range sc.assistants {
		keys = append(keys, t.queue(sc.lead, a), t.relayDue(a))
	}
	for _, c := range sc.channels {
		keys = append(keys, t.history(sc.lead, c))
	}
	if sc.frozen {
		for _, a := range sc.assistants {
			keys = append(keys, t.frozen(sc.lead, a))
		}
	}
	return keys
}

type runner func(ctx context.Context, script *script, keys []string, args ...any) (any, error)

// maxNeeds bounds how often a script may ask for further keys. A script names everything that the
// live runs lack at once, so it asks again only if runs were started in between.
const maxNeeds = 16

// call runs a script about one lead and returns its reply. A reply tagged "ok" is returned without
// the tag. The tags "need", "need channel", "moved" and "newer" are handled here: the first two
// call the script again with more keys, the others become followup.ErrLeadMoved and errNewer. A
// reply with any other tag is returned whole. With followup.ErrNotDurable, call also returns the
// reply, because the effect stays.
func (s *Store) call(ctx context.Context, run runner, script *script, sc scope, args ...any) (reply, error) {
	sc.assistants = distinct(sc.assistants)
	sc.channels = distinct(sc.channels)
	request := s.newToken()
	for range maxNeeds {
		h, err := json.Marshal(head{
			Lead: sc.lead, Tenant: sc.tenant, Now: ms(sc.now), Real: ms(sc.real), Request: request,
			Assistants: sc.assistants, Channels: sc.channels, StandIn: sc.lead.StandIn(),
			FewInHash: s.fewInHash && !sc.lead.StandIn(), // a stand-in's hash is dropped before first sights may be
		})
		if err != nil {
			return nil, err
		}
		v, err := run(ctx, script, s.leadKeys(sc), append([]any{string(h)}, args...)...)
		if r, ok := v.([]any); ok && errors.Is(err, followup.ErrNotDurable) && reply(r).text(0) == "ok" {
			return r[1:], err
		}
		if err != nil {
			return nil, err
		}
		r, ok := v.([]any)
		if !ok || len(r) == 0 {
			return nil, errReply
		}
		switch reply(r).text(0) {
		case "need":
			sc.assistants = append(sc.assistants, reply(r[1:]).assistants()...)
		case "need channel":
			sc.channels = append(sc.channels, followup.ChannelID(reply(r).text(1)))
		case "moved":
			s.aliases.forget(sc.lead)
			return nil, followup.ErrLeadMoved
		case "newer":
			return nil, fmt.Errorf("%w: lead has format %s, this program knows %d", errNewer, reply(r).text(1), formatVersion)
		case "ok":
			return r[1:], nil
		default:
			return r, nil
		}
	}
	return nil, fmt.Errorf("script asks for ever more keys: %w", errReply)
}

func distinct[T comparable](in []T) []T {
	out := make([]T, 0, len(in))
	for _, v := range in {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

var errReply = errors.New("unexpected reply of a script")

// reply is a script's reply. The accessors return zero for an element that is not there.
type reply []any

func (r reply) text(i int) string {
	if i >= len(r) {
		return ""
	}
	switch v := r[i].(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return ""
}

func (r reply) int(i int) int64 {
	n, _ := strconv.ParseInt(r.text(i), 10, 64)
	return n
}

func (r reply) list(i int) reply {
	if i >= len(r) {
		return nil
	}
	l, _ := r[i].([]any)
	return l
}

// fields reads a flat list of alternating names and values.
func (r reply) fields() map[string]string {
	m := make(map[string]string, len(r)/2)
	for i := 0; i+1 < len(r); i += 2 {
		m[r.text(i)] = r.text(i + 1)
	}
	return m
}

// ended reads the flat triples {run, step, reason} of lua/lib/run.lua.
func (r reply) ended() []followup.Ended {
	var out []followup.Ended
	for i := 0; i+2 < len(r); i += 3 {
		out = append(out, followup.Ended{
			Run: followup.RunID(r.text(i)), Step: int(r.int(i + 1)), Reason: followup.Reason(r.text(i + 2)),
		})
	}
	return out
}

// unpromised reports the runs that a script ended although err says that too few replicas have the
// effect. The effect stays, so a caller that repeats the request would find these runs already
// ended and could not report them.
func (s *Store) unpromised(err error, ended []followup.Ended) {
	if errors.Is(err, followup.ErrNotDurable) {
		s.onEnded(ended)
	}
}

// corrections reads the flat quadruples {run, step, from, to} of lua/lib/run.lua.
func (r reply) corrections() []followup.Correction {
	var out []followup.Correction
	for i := 0; i+3 < len(r); i += 4 {
		out = append(out, followup.Correction{
			Run: followup.RunID(r.text(i)), Step: int(r.int(i + 1)),
			From: followup.Outcome(r.text(i + 2)), To: followup.Outcome(r.text(i + 3)),
		})
	}
	return out
}

func (r reply) assistants() []followup.AssistantID {
	var out []followup.AssistantID
	for i := range r {
		out = append(out, followup.AssistantID(r.text(i)))
	}
	return out
}

// texts reads a flat list of texts.
func texts(r reply) []string {
	out := make([]string, len(r))
	for i := range r {
		out[i] = r.text(i)
	}
	return out
}

// marshal is json.Marshal for requests to scripts, which cannot fail to encode.
func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("redisstore: " + err.Error())
	}
	return string(b)
}
