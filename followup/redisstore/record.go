package redisstore

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// This file reads and writes the fields of a lead's hash, which lua/lib/lead.lua documents.

// recordFields returns the fields of a lead's record that are to be set, and those to be cleared.
func recordFields(l followup.Lead) (set map[string]string, clear []string, err error) {
	set, clear = map[string]string{}, []string{} // not nil: a script cannot use JSON null as a list
	put := func(name, value string) {
		if value == "" {
			clear = append(clear, name)
			return
		}
		set[name] = value
	}
	put("nm", l.Name)
	put("ph", l.Phone)
	put("ui", l.UserID)
	put("em", l.Email)
	put("co", l.Company)
	put("st", l.StatusID)
	put("xi", l.ExternalID)
	put("ai", string(l.Assistant))
	put("ci", string(l.Channel))
	fields := ""
	if len(l.CustomFields) > 0 {
		b, err := json.Marshal(l.CustomFields)
		if err != nil {
			return nil, nil, fmt.Errorf("custom fields: %w", err)
		}
		fields = string(b)
	}
	put("cf", fields)
	out := ""
	if l.OptedOut {
		out = "1"
	}
	put("oo", out)
	crm := ""
	if !l.CRMAt.IsZero() {
		crm = strconv.FormatInt(ms(l.CRMAt), 10)
	}
	put("crm", crm)
	return set, clear, nil
}

// parseLead returns the lead whose hash has the fields f, or errNewer if a newer replica wrote it.
func parseLead(id followup.LeadID, f map[string]string) (followup.Lead, error) {
	l := followup.Lead{
		ID: id, Tenant: followup.TenantID(f["t"]), Name: f["nm"], Phone: f["ph"], UserID: f["ui"],
		Email: f["em"], Company: f["co"], StatusID: f["st"], ExternalID: f["xi"],
		Assistant: followup.AssistantID(f["ai"]), Channel: followup.ChannelID(f["ci"]),
		OptedOut: f["oo"] == "1", OptOutSaidAt: msField(f["oa"]), CreatedAt: msField(f["cr"]), UpdatedAt: msField(f["up"]), CRMAt: msField(f["crm"]),
		Windows: map[followup.ChannelID]followup.Conversation{},
	}
	if v := f["v"]; isNewer(v) {
		return followup.Lead{}, fmt.Errorf("lead of format %s: %w", v, errNewer)
	}
	l.Revision, _ = strconv.ParseInt(f["rev"], 10, 64)
	if cf := f["cf"]; cf != "" {
		var err error
		if l.CustomFields, err = followup.ParseFields([]byte(cf)); err != nil {
			return followup.Lead{}, err
		}
	}
	for name, value := range f {
		kind, channel, ok := strings.Cut(name, ":")
		if !ok || (kind != "w" && kind != "wo" && kind != "wr" && kind != "wu") {
			continue
		}
		c := l.Windows[followup.ChannelID(channel)]
		switch kind {
		case "w":
			c.LastInbound = msField(value)
		case "wo":
			c.OpenedBy = openerIn(value, f["w:"+channel])
		case "wr":
			c.Refused = value == "1"
		case "wu":
			c.UsedAt = msField(value)
		}
		l.Windows[followup.ChannelID(channel)] = c
	}
	return l, nil
}

// openerIn reads a field wo:<channel> as lua/lib/window.lua keeps it: who opened the window that
// counts from at, if that is not whom the record names.
func openerIn(packed, at string) (by providers.Contact) {
	then, who, _ := strings.Cut(packed, " ")
	if then == at {
		by.Phone, by.UserID, _ = strings.Cut(who, " ")
	}
	return by
}

// openerText returns the part of such a field that says who opened the window; "" for nobody.
func openerText(by providers.Contact) string {
	if by.IsZero() {
		return ""
	}
	return by.Phone + " " + by.UserID
}

// msField reads a field that holds an instant.
func msField(s string) time.Time {
	n, _ := strconv.ParseInt(s, 10, 64)
	return fromMS(n)
}

// packedRun is a live run in the fields that lua/lib/pack.lua describes, without the status that it
// was started under.
type packedRun struct{ state, facts, claim string }

// runFields returns the names of the fields of run n, in the order of packedRun.
func runFields(n string) []string { return []string{"r" + n, "f" + n, "k" + n} }

// packedOf returns run n from the fields of a lead's hash.
func packedOf(fields map[string]string, n string) packedRun {
	return packedRun{fields["r"+n], fields["f"+n], fields["k"+n]}
}

// fromOneField reads a run in the first form that wagate kept runs in, all of it in field r<n>, like
// the function of that name in lua/lib/pack.lua.
func fromOneField(packed string) packedRun {
	f := append(strings.Split(packed, "|"), "", "") // early runs lack the last two parts
	if len(f) < 18 {
		return packedRun{state: packed}
	}
	join := func(i ...int) string {
		var of []string
		for _, i := range i {
			of = append(of, f[i])
		}
		return strings.Join(of, "|")
	}
	p := packedRun{
		state: join(4, 5, 6, 7, 8, 9, 13, 15),
		facts: factTexts(arm{
			Assistant: followup.AssistantID(f[0]), Config: followup.ConfigID(f[1]), Channel: followup.ChannelID(f[2]),
			Ladder: followup.LadderHash(f[3]),
		}),
	}
	if f[4] != string(followup.RunArmed) {
		f[11] = f[11][min(30, len(f[11])):]
		p.claim = join(10, 11, 16, 17, 12)
	}
	return p
}

// parseRun reads a live run in either form.
func parseRun(lead followup.LeadID, n int, tenant followup.TenantID, p packedRun) (followup.Run, liveRun, error) {
	if p.state != "" && p.facts == "" {
		p = fromOneField(p.state)
	}
	state, claim := strings.Split(p.state, "|"), strings.Split(p.claim, "|")
	a, ok := unpackFacts(p.facts)
	if len(state) != 8 || (p.claim != "" && len(claim) != 5) || !ok {
		return followup.Run{}, liveRun{}, fmt.Errorf("run has %d and %d fields: %w", len(state), len(claim), errReply)
	}
	num := func(i int) int64 {
		v, _ := strconv.ParseInt(state[i], 10, 64)
		return v
	}
	run := followup.Run{
		ID: lead.Run(n), Tenant: tenant, Lead: lead, Assistant: a.Assistant, Config: a.Config, Channel: a.Channel, Ladder: a.Ladder,
		State: followup.RunState(state[0]), Step: int(num(1)), Interval: time.Duration(num(2)) * time.Millisecond,
		DueAt: fromMS(num(3)), Used: followup.StepSet(num(4)), //nolint:gosec // written by finish.lua from steps below 8
		Tries: int(num(5)), StartedAt: fromMS(num(7)),
	}
	if run.State == stateCrashed {
		run.State = followup.RunSending
	}
	var live liveRun
	if p.claim != "" {
		live.kind = followup.StepKind(claim[2])
		live.used, _ = strconv.Atoi(claim[3])
		if run.State == followup.RunClaimed {
			live.used, live.lapsed = 0, live.used
		}
		if nth, err := strconv.ParseInt(claim[1], 16, 0); err == nil {
			live.attempt = lead.Attempt(int(nth))
		}
	}
	return run, live, nil
}

// stateCrashed is the state of a run whose step was in sending when its worker's lease ran out. The
// step is finished, never sent again.
const stateCrashed followup.RunState = "crashed"

// liveRun holds what the hash keeps of a live run's claim and a followup.Run does not.
type liveRun struct {
	attempt followup.AttemptID
	kind    followup.StepKind // the kind of message that the attempt sent
	used    int               // of an attempt: the step that it used up
	lapsed  int               // leases that ran out in a row without an attempt
}

// story is the record of a run with its timeline, in the form of lua/lib/run.lua. Times are in
// milliseconds.
type story struct {
	Assistant followup.AssistantID `json:"as"`
	Config    followup.ConfigID    `json:"cf"`
	Channel   followup.ChannelID   `json:"ch"`
	Ladder    followup.LadderHash  `json:"la"`
	Started   int64                `json:"s"`
	Ended     int64                `json:"e"`
	Reason    followup.Reason      `json:"r"`
	Timeline  []moment             `json:"tl"`
}

// moment is one entry of a timeline.
type moment struct {
	Step      int               `json:"s"`
	Due       int64             `json:"d"`
	Kind      followup.StepKind `json:"k"`
	Outcome   followup.Outcome  `json:"o"`
	Reason    followup.Reason   `json:"r"`
	Message   string            `json:"m"`
	At        int64             `json:"a"`
	Settled   followup.Outcome  `json:"x"`
	SettledAt int64             `json:"y"`
}

// moments returns the timeline, with room for one entry more.
func (st story) moments() []followup.Moment {
	out := make([]followup.Moment, 0, len(st.Timeline)+1)
	for _, m := range st.Timeline {
		out = append(out, followup.Moment{
			Step: m.Step, DueAt: fromMS(m.Due), Kind: m.Kind, Outcome: m.Outcome, Reason: m.Reason,
			MessageID: m.Message, At: fromMS(m.At), Settled: m.Settled, SettledAt: fromMS(m.SettledAt),
		})
	}
	return out
}

// run returns a run that has ended, of which only the record is left.
func (st story) run(id followup.RunID, tenant followup.TenantID) followup.Run {
	return followup.Run{
		ID: id, Tenant: tenant, Lead: id.Lead(), Assistant: st.Assistant, Config: st.Config, Channel: st.Channel,
		Ladder: st.Ladder, State: followup.RunEnded, Reason: st.Reason, StartedAt: fromMS(st.Started),
		EndedAt: fromMS(st.Ended), Timeline: st.moments(),
	}
}
