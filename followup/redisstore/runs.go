package redisstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var (
	startScript  = loadOfLead("start")
	endScript    = loadOfLead("end")
	ladderScript = load("ladder")
)

// arm is a followup.Arm as scripts read it; the interval is in milliseconds.
type arm struct {
	Config    followup.ConfigID    `json:"config"`
	Assistant followup.AssistantID `json:"assistant"`
	Channel   followup.ChannelID   `json:"channel"`
	Ladder    followup.LadderHash  `json:"ladder"`
	Interval  int64                `json:"interval"`
	Rearm     bool                 `json:"rearm"`
}

func armOf(a followup.Arm) *arm {
	return &arm{
		Config: a.Config, Assistant: a.Assistant, Channel: a.Channel, Ladder: a.Ladder,
		Interval: a.Interval.Milliseconds(), Rearm: a.RearmOnReply,
	}
}

// Start implements followup.RunStore.
func (s *Store) Start(
	ctx context.Context, tenant followup.TenantID, lead followup.LeadID, a followup.Arm, rearm bool, now, real time.Time,
) (followup.RunID, []followup.Ended, error) {
	r, err := s.call(ctx, s.runDurable, startScript,
		scope{lead: lead, tenant: tenant, now: now, real: real, assistants: []followup.AssistantID{a.Assistant}},
		marshal(map[string]any{"rearm": rearm, "arm": armOf(a)}), packFacts(*armOf(a)))
	if err != nil {
		s.unpromised(err, r.list(1).ended())
		return "", nil, fmt.Errorf("start run: %w", err)
	}
	if r.text(0) == "none" {
		return "", nil, followup.ErrNotFound
	}
	run := followup.RunID(r.text(0))
	if run != "" {
		s.followed.put(lead, struct{}{})
	}
	return run, r.list(1).ended(), nil
}

// Cancel implements followup.RunStore.
func (s *Store) Cancel(
	ctx context.Context, tenant followup.TenantID, run followup.RunID, now, real time.Time,
) ([]followup.Ended, error) {
	r, err := s.Run(ctx, tenant, run)
	if err != nil {
		return nil, err
	}
	r.Timeline = nil
	s.known.put(r.ID, r)
	return s.endRun(ctx, tenant, run, endRequest{Reason: followup.ByAPI}, now, real)
}

// endRequest is the request of lua/end.lua.
type endRequest struct {
	N      int               `json:"n"`
	Reason followup.Reason   `json:"reason"`
	Config followup.ConfigID `json:"config"` // if set: only a run of this config, while that is not active
	Token  string            `json:"token"`  // if set: the holder of this claim knows that nothing was sent
}

// endRun ends a run if it is live, and returns it if it has ended. A run whose step is in sending is
// only marked, and ends when the step is finished.
func (s *Store) endRun(
	ctx context.Context, tenant followup.TenantID, run followup.RunID, req endRequest, now, real time.Time,
) ([]followup.Ended, error) {
	req.N = run.N()
	sc := scope{lead: run.Lead(), tenant: tenant, now: now, real: real}
	if r, ok := s.known.get(run); ok {
		sc.assistants = []followup.AssistantID{r.Assistant}
	}
	r, err := s.call(ctx, s.runDurable, endScript, sc, marshal(req))
	if errors.Is(err, followup.ErrLeadMoved) {
		return nil, nil
	}
	if err != nil {
		s.unpromised(err, r.list(0).ended())
		return nil, fmt.Errorf("end run: %w", err)
	}
	s.followed.take(run.Lead())
	s.forwardIf(ctx, r.text(1) == "1", tenant, run.Lead())
	return r.list(0).ended(), nil
}

// endRuns ends those of the runs that are live and of the config, unless the config is active. It
// returns those that ended, even if it returns an error.
func (s *Store) endRuns(
	ctx context.Context, tenant followup.TenantID, config followup.ConfigID, reason followup.Reason,
	runs []followup.RunID, now, real time.Time,
) ([]followup.Ended, error) {
	var all []followup.Ended
	for _, run := range runs {
		ended, err := s.endRun(ctx, tenant, run, endRequest{Reason: reason, Config: config}, now, real)
		if err != nil {
			return all, err
		}
		all = append(all, ended...)
	}
	return all, nil
}

// Run implements followup.RunStore.
func (s *Store) Run(ctx context.Context, tenant followup.TenantID, id followup.RunID) (followup.Run, error) {
	if id.N() == 0 {
		return followup.Run{}, followup.ErrNotFound
	}
	lead, n := id.Lead(), strconv.Itoa(id.N())
	t := s.tag(lead)
	var facts *redis.SliceCmd
	var record *redis.StringCmd
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		facts = p.HMGet(ctx, t.lead(lead), append(runFields(n), "t", "mv")...)
		record = p.HGet(ctx, t.runs(lead), n)
	}); err != nil {
		return followup.Run{}, fmt.Errorf("read run: %w", err)
	}
	f := reply(facts.Val())
	if followup.TenantID(f.text(3)) != tenant || f.text(4) == erased {
		return followup.Run{}, followup.ErrNotFound
	}
	return assemble(id, tenant, packedRun{f.text(0), f.text(1), f.text(2)}, record.Val())
}

// assemble returns a run, made of its live state and its record, of which either may be missing;
// ErrNotFound if both are.
func assemble(id followup.RunID, tenant followup.TenantID, packed packedRun, record string) (followup.Run, error) {
	var st story
	if record != "" {
		if err := json.Unmarshal([]byte(record), &st); err != nil {
			return followup.Run{}, fmt.Errorf("read run: %w", err)
		}
	}
	if packed.state == "" {
		if record == "" {
			return followup.Run{}, followup.ErrNotFound
		}
		return st.run(id, tenant), nil
	}
	run, _, err := parseRun(id.Lead(), id.N(), tenant, packed)
	if err != nil {
		return followup.Run{}, err
	}
	run.Timeline = append(st.moments(), followup.Moment{Step: run.Step + 1, DueAt: run.DueAt})
	return run, nil
}

// Runs implements followup.RunStore.
func (s *Store) Runs(ctx context.Context, tenant followup.TenantID, lead followup.LeadID) ([]followup.Run, error) {
	t := s.tag(lead)
	var fields, records *redis.MapStringStringCmd
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		fields = p.HGetAll(ctx, t.lead(lead))
		records = p.HGetAll(ctx, t.runs(lead))
	}); err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	f := fields.Val()
	if followup.TenantID(f["t"]) != tenant || f["mv"] != "" || f["cr"] == "" {
		return nil, s.named(ctx, tenant, lead)
	}
	packed := map[string]packedRun{}
	for n := range strings.FieldsSeq(f["lv"]) {
		packed[n] = packedOf(f, n)
	}
	numbers := make([]string, 0, len(packed)+len(records.Val()))
	for n := range packed {
		numbers = append(numbers, n)
	}
	for n := range records.Val() {
		if _, live := packed[n]; !live {
			numbers = append(numbers, n)
		}
	}
	runs := make([]followup.Run, 0, len(numbers))
	for _, text := range numbers {
		n, _ := strconv.Atoi(text)
		run, err := assemble(lead.Run(n), tenant, packed[text], records.Val()[text])
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	slices.SortFunc(runs, func(a, b followup.Run) int { return cmp.Compare(b.ID.N(), a.ID.N()) })
	return runs, nil
}

// SaveLadder implements followup.RunStore.
func (s *Store) SaveLadder(ctx context.Context, tenant followup.TenantID, h followup.LadderHash, l followup.Ladder) error {
	if _, err := s.runDurable(ctx, ladderScript, []string{laddersKey(tenant)}, string(h), marshal(l)); err != nil {
		return fmt.Errorf("save ladder: %w", err)
	}
	return nil
}

// Ladder implements followup.RunStore.
func (s *Store) Ladder(ctx context.Context, tenant followup.TenantID, h followup.LadderHash) (followup.Ladder, error) {
	v, err := s.db.HGet(ctx, laddersKey(tenant), string(h)).Result()
	if errors.Is(err, redis.Nil) {
		return followup.Ladder{}, followup.ErrNotFound
	}
	if err != nil {
		return followup.Ladder{}, fmt.Errorf("read ladder: %w", err)
	}
	var l followup.Ladder
	if err := json.Unmarshal([]byte(v), &l); err != nil {
		return followup.Ladder{}, fmt.Errorf("read ladder: %w", err)
	}
	return l, nil
}
