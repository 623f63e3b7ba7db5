package redisstore

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/providers"
)

// TestI9GuardCostDoesNotGrowWithAttempts has an assistant send many messages to one lead. What
// Redis does for one more message must not depend on how many there were, and attempts older than
// 30 days must still be removed.
func TestI9GuardCostDoesNotGrowWithAttempts(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := redistest.Start(t).Client()
	s := openStore(t, Params{Client: db})
	p := newParty()
	p.mustSay(t, s, "hello", epoch)
	now := epoch
	guard := func(times int) {
		t.Helper()
		for range times {
			if v, err := s.GuardSend(ctx, followup.GuardSend{
				Tenant: p.tenant, Lead: p.lead, Channel: p.channel, Assistant: p.assistant, Now: now, Real: now,
			}); err != nil || v.Attempt == "" {
				t.Fatalf("GuardSend: got %+v, %v, want Allowed", v, err)
			}
		}
	}
	calls := func(command string) int {
		t.Helper()
		stats := db.Info(ctx, "commandstats").Val()
		m := regexp.MustCompile(`cmdstat_` + command + `:calls=(\d+)`).FindStringSubmatch(stats)
		if m == nil {
			return 0
		}
		n, _ := strconv.Atoi(m[1])
		return n
	}
	kept := func(want int64, when string) {
		t.Helper()
		if n := db.HLen(ctx, s.tag(p.lead).attempts(p.lead)).Val(); n != want {
			t.Errorf("attempts kept %s: got %d, want %d", when, n, want)
		}
	}

	// An attempt of a lead that was merged into this one.
	db.HSet(ctx, s.tag(p.lead).attempts(p.lead), "another's", `{"at":`+strconv.FormatInt(ms(epoch), 10)+`,"n":0}`)
	guard(260)
	before := calls("hgetall")
	guard(50)
	kept(311, "within 30 days")
	now = now.Add(followup.RunAge + time.Millisecond)
	guard(100)
	if n := calls("hgetall") - before; n != 150 {
		t.Errorf("hashes read whole for 150 messages: got %d, want 150, only the lead each time", n)
	}
	if n := db.HLen(ctx, s.tag(p.lead).attempts(p.lead)).Val(); n > 201 {
		t.Errorf("attempts kept beyond 30 days: got %d, want at most 201", n)
	}
	guard(104) // beyond the lead's 512th attempt, at which all attempts are looked at again
	kept(204, "when none is old")
}

// TestFailureTakenByAnOlderProgram: an older program notes in the attempt that the message failed,
// but not why. Once the answer to the call comes, the assistant must be told that the step failed,
// for a reason that is not known.
func TestFailureTakenByAnOlderProgram(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p := t.Context(), newParty()
		lead := p.talking(t, s, followup.Identity{Phone: "15550100001"})[0]
		c, attempt := p.sending(t, s, lead)
		key := s.tag(lead).attempts(lead)
		noted := map[string]any{}
		if err := json.Unmarshal([]byte(s.db.HGet(ctx, key, string(attempt)).Val()), &noted); err != nil {
			t.Fatal(err)
		}
		noted["rk"] = providers.StatusFailed.Rank()
		s.db.HSet(ctx, key, string(attempt), marshal(noted))
		if _, err := s.FinishStep(ctx, sent(c, attempt)); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range deliverAll(t, s) {
			for _, e := range d.Events {
				if strings.Contains(string(e.Value), `"settled"`) {
					got = append(got, string(e.Value))
				}
			}
		}
		want := `{"event":"settled","run_id":"` + string(c.Run.ID) + `","lead_id":"` + string(lead) +
			`","step":1,"outcome":"failed","reason":"unknown"}`
		if len(got) != 1 || got[0] != want {
			t.Errorf("told: got %s, want %s", got, want)
		}
	})
}

// TestAttemptsOfAnOlderProgramAreTrimmed checks that old attempts are removed from a store whose
// program did not note which attempt is the oldest.
func TestAttemptsOfAnOlderProgramAreTrimmed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p := t.Context(), newParty()
		p.mustSay(t, s, "hello", epoch)
		key := s.tag(p.lead).attempts(p.lead)
		for n := range 300 {
			at := epoch.Add(time.Duration(n) * time.Minute)
			s.db.HSet(ctx, key, string(p.lead.Attempt(1000+n)), `{"at":`+strconv.FormatInt(ms(at), 10)+`,"n":0}`)
		}
		s.db.HSet(ctx, s.tag(p.lead).lead(p.lead), "as", 1299)
		for n := range 3 {
			now := epoch.Add(followup.RunAge + time.Duration(100+n)*time.Minute)
			if _, err := s.GuardSend(ctx, followup.GuardSend{
				Tenant: p.tenant, Lead: p.lead, Channel: p.channel, Assistant: p.assistant, Now: now, Real: now,
			}); err != nil {
				t.Fatal(err)
			}
			if got := s.db.HLen(ctx, key).Val(); got != 201 {
				t.Errorf("attempts kept after message %d: got %d, want 201", n+1, got)
			}
		}
	})
}
