package redisstore

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/followup/storetest"
)

// loseAnswers is a client hook that loses the first answer to every script, as a broken connection
// does. The client sends the request again, and the caller sees only the second answer. No other
// request comes between the two, because only the last answer is kept per lead.
type loseAnswers struct{ mu sync.Mutex }

func (*loseAnswers) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *loseAnswers) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if strings.HasPrefix(cmd.Name(), "eval") {
			l.mu.Lock()
			defer l.mu.Unlock()
			if err := next(ctx, redis.NewCmd(ctx, cmd.Args()...)); err != nil {
				cmd.SetErr(err)
				return err
			}
		}
		return next(ctx, cmd)
	}
}

func (l *loseAnswers) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		var first []redis.Cmder
		for _, cmd := range cmds {
			if strings.HasPrefix(cmd.Name(), "eval") {
				first = append(first, redis.NewCmd(ctx, cmd.Args()...))
			}
		}
		if len(first) > 0 {
			l.mu.Lock()
			defer l.mu.Unlock()
			_ = next(ctx, first) // an error comes again with the second try
		}
		return next(ctx, cmds)
	}
}

// TestI2LostAnswers takes a lead through its life while every script runs twice and only the second
// answer is seen. Nothing may happen twice, and the answers must say what happened.
func TestI2LostAnswers(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	client.AddHook(&loseAnswers{})
	s := openStore(t, Params{Client: client})
	ctx, p, now := t.Context(), newParty(), epoch
	check := func(err error, call string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: got %v, want no error", call, err)
		}
	}
	cfg := followup.Config{
		ID: followup.ConfigID(uuid.NewString()), TenantID: p.tenant, AssistantID: p.assistant,
		IsActive: true, CreatedAt: now, UpdatedAt: now,
	}
	check(s.CreateConfig(ctx, cfg), "CreateConfig")
	arm := followup.Arm{Config: cfg.ID, Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: time.Minute}

	lead, err := s.Resolve(ctx, p.tenant, followup.Identity{Phone: "15550100002"}, true, now)
	check(err, "Resolve")
	settleText(t, s, p, lead, "m")
	history, err := s.History(ctx, lead, p.channel, now)
	if err != nil || len(history) != 1 {
		t.Errorf("history after one message: got %d entries, %v, want 1", len(history), err)
	}

	l, err := s.Lead(ctx, p.tenant, lead)
	check(err, "Lead")
	l.StatusID = "trigger"
	run, err := s.PutLead(ctx, followup.PutLead{Lead: l, StatusChanged: true, Arm: &arm, Now: now, Real: now})
	if err != nil || run != lead.Run(1) {
		t.Fatalf("PutLead: got %q, %v, want the first run", run, err)
	}
	run, _, err = s.Start(ctx, p.tenant, lead, arm, false, now, now)
	if err != nil || run != lead.Run(2) {
		t.Fatalf("Start: got %q, %v, want the second run", run, err)
	}
	now = now.Add(time.Minute)
	b, err := s.Claim(ctx, followup.ClaimParams{Now: now, Real: now, Limit: 5, Lease: time.Minute})
	if err != nil || len(b.Steps) != 1 {
		t.Fatalf("Claim: got %d steps, %v, want 1", len(b.Steps), err)
	}
	v, err := s.GuardStep(ctx, followup.GuardStep{Run: run, Token: b.Steps[0].Token, Now: now, Real: now, Lease: time.Minute})
	if err != nil || v.Refusal != followup.Allowed {
		t.Fatalf("GuardStep: got %+v, %v, want Allowed", v, err)
	}
	f := followup.FinishStep{
		Run: run, Token: b.Steps[0].Token, Attempt: v.Attempt, Kind: followup.KindTemplate, Outcome: followup.Sent,
		Reason: followup.ByTemplate, Text: "hello", Next: 1, Interval: time.Hour, Now: now, Real: now,
	}
	done, err := s.FinishStep(ctx, f)
	if err != nil || done.State != followup.RunArmed || !done.Due.Equal(now.Add(time.Hour)) {
		t.Errorf("FinishStep: got %+v, %v, want the next step armed", done, err)
	}
	if _, err := s.FinishStep(ctx, f); !errors.Is(err, followup.ErrStale) {
		t.Errorf("FinishStep by another request: got %v, want ErrStale", err)
	}
	r, err := s.Run(ctx, p.tenant, run)
	if err != nil || len(r.Timeline) != 2 {
		t.Errorf("timeline: got %+v, %v, want one step done and one to come", r.Timeline, err)
	}
	runs, err := s.Runs(ctx, p.tenant, lead)
	if err != nil || len(runs) != 2 {
		t.Errorf("runs: got %d, %v, want 2", len(runs), err)
	}

	// A delivery is tried again, then dead, replayed, dead again and dropped.
	d := claimOne(t, s, now)
	told := len(d.Events)
	check(s.FinishDelivery(ctx, followup.FinishDelivery{Delivery: d, RetryAt: now, Rejected: true, Real: now}), "retry")
	d = claimOne(t, s, now)
	if d.Attempts != 1 || d.Rejected != 1 || len(d.Events) != told {
		t.Errorf("tried again: got %d attempts, %d rejections, %d events, want 1, 1, %d", d.Attempts, d.Rejected, len(d.Events), told)
	}
	check(s.FinishDelivery(ctx, followup.FinishDelivery{Delivery: d, Release: true, Real: now}), "release")
	letter := bury(t, s, claimOne(t, s, now), now)
	check(s.ReplayDead(ctx, letter, now), "ReplayDead")
	d = claimOne(t, s, now)
	if len(d.Events) != told {
		t.Errorf("replayed: got %d events, want %d", len(d.Events), told)
	}
	check(s.DropDead(ctx, bury(t, s, d, now)), "DropDead")
	if left := claimAll(t, s, now.Add(time.Hour)); len(left) != 0 {
		t.Errorf("deliveries left: got %d, want none", len(left))
	}

	if _, err := s.DeleteConfig(ctx, p.tenant, cfg.ID, true, now, now); err != nil {
		t.Errorf("DeleteConfig: got %v, want no error", err)
	}
	other := cfg
	other.ID = followup.ConfigID(uuid.NewString())
	check(s.CreateConfig(ctx, other), "CreateConfig in place of the deleted one")
	check(s.EraseLead(ctx, p.tenant, lead, now), "EraseLead")
}

// TestConfigScriptsOfTwoCallers calls the config scripts as two callers do that have read the same
// state before either of them writes.
func TestConfigScriptsOfTwoCallers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p := t.Context(), newParty()
		create := func(c followup.Config) {
			t.Helper()
			if err := s.CreateConfig(ctx, c); err != nil {
				t.Fatal(err)
			}
		}
		c := followup.Config{ID: "c1", TenantID: p.tenant, AssistantID: p.assistant, IsActive: true, CreatedAt: epoch, UpdatedAt: epoch}
		create(c)
		remove := func(request string) string {
			v, err := s.run(ctx, deleteConfigScript, configKeys(p.tenant), "c1", string(p.assistant), request, "deleted", ms(epoch))
			if err != nil {
				t.Fatal(err)
			}
			l, _ := v.([]any)
			return reply(l).text(0)
		}
		if got := remove("a"); got != "ok" {
			t.Errorf("deleted: got %q, want ok", got)
		}
		if got := remove("b"); got != "none" {
			t.Errorf("deleted by a second caller: got %q, want none", got)
		}
		if got := remove("a"); got != "ok" {
			t.Errorf("the first request again: got %q, want ok", got)
		}
		// If another config has taken over the assistant, it keeps the assistant.
		create(c)
		if err := s.db.HSet(ctx, configAssistantKey(p.tenant), string(p.assistant), "c2").Err(); err != nil {
			t.Fatal(err)
		}
		remove("c")
		if got := s.db.HGet(ctx, configAssistantKey(p.tenant), string(p.assistant)).Val(); got != "c2" {
			t.Errorf("the assistant's config: got %q, want c2", got)
		}
	})
}

// TestI2SuiteWithLostAnswers runs the suite while every script runs twice and only the second
// answer is seen.
func TestI2SuiteWithLostAnswers(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	client.AddHook(&loseAnswers{})
	bounded := func(t *testing.T, bound int) followup.Store {
		t.Helper()
		s := openStore(t, Params{Client: client, Partitions: 16, MaxBacklog: bound})
		s.backlog.age = 0 // the suite does not move the store's own clock
		return s
	}
	storetest.Run(t, func(t *testing.T) followup.Store { return bounded(t, 0) })
	storetest.Backlog(t, bounded)
	checkBacklog(t, openStore(t, Params{Client: client, Partitions: 16}))
}
