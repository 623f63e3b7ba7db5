package redisstore

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestPackFactsRoundTrip checks that the facts of a run are unpacked as they were packed, whatever
// its ids look like.
func TestPackFactsRoundTrip(t *testing.T) {
	t.Parallel()
	canonical := func() string { return uuid.NewString() }
	hash := string(followup.Ladder{Steps: []followup.Step{{Interval: "PT1H"}}}.Hash())
	for _, c := range []struct {
		name, assistant, config, channel, ladder string
	}{
		{"canonical ids", canonical(), canonical(), canonical(), hash},
		{"first byte is a bar", "7c" + canonical()[2:], canonical(), canonical(), hash},
		{"another spelling of a UUID", strings.ToUpper(canonical()), canonical(), canonical(), hash},
		{"another spelling of a hash", canonical(), canonical(), canonical(), strings.ToUpper(hash)},
		{"a short hash", canonical(), canonical(), canonical(), hash[:30]},
		{"short texts", "a", "c", "w", "l"},
		{"64 bytes of text", strings.Repeat("a", 58), "c", "w", "l"},
	} {
		want := arm{
			Assistant: followup.AssistantID(c.assistant), Config: followup.ConfigID(c.config),
			Channel: followup.ChannelID(c.channel), Ladder: followup.LadderHash(c.ladder),
		}
		if got, ok := unpackFacts(packFacts(want)); !ok || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", c.name, got, ok, want)
		}
	}
	if _, ok := unpackFacts(""); ok {
		t.Error("unpackFacts of an empty field: got ok, want not ok")
	}
}

// TestLeadWithARunStaysPacked checks that a run adds no long field to its lead's hash, from its
// start to its end. One long field would triple the memory of the lead.
func TestLeadWithARunStaysPacked(t *testing.T) {
	t.Parallel()
	s := openStore(t, Params{Client: redistest.Start(t).Client()})
	ctx, p := t.Context(), newParty()
	lead := mustResolve(t, s, p, followup.Identity{ExternalID: string(p.lead)}, epoch)
	key := s.tag(lead).lead(lead)
	small := func(when string) {
		t.Helper()
		if got, err := s.db.ObjectEncoding(ctx, key).Result(); err != nil || got != "listpack" {
			t.Errorf("%s: got encoding %q, %v, want listpack", when, got, err)
		}
	}
	config := followup.ConfigID(uuid.NewString())
	ladder := followup.Ladder{Steps: []followup.Step{{Interval: "P365D"}}}
	start := func() followup.RunID {
		t.Helper()
		run, _, err := s.Start(ctx, p.tenant, lead, followup.Arm{
			Config: config, Assistant: p.assistant, Channel: p.channel, Ladder: ladder.Hash(),
			Interval: followup.MaxInterval, RearmOnReply: true,
		}, false, epoch.Add(-followup.MaxInterval), epoch)
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	run := start()
	small("armed")
	c := claimStep(t, s)
	small("claimed")
	if r := c.Run; r.Assistant != p.assistant || r.Config != config || r.Channel != p.channel || r.Ladder != ladder.Hash() {
		t.Errorf("claimed: got %+v, want the ids that the run was started with", r)
	}
	v := guardStep(t, s, c, func(g *followup.GuardStep) { g.Kind, g.UsedStep = followup.KindTemplate, 2 })
	small("sending")
	if _, err := s.endRun(ctx, p.tenant, run, endRequest{Reason: followup.ConfigOff}, epoch, epoch); err != nil {
		t.Fatal(err)
	}
	small("ending")
	crashed, err := s.Claim(ctx, followup.ClaimParams{Now: epoch, Real: epoch.Add(time.Hour), Limit: 1, Lease: time.Minute})
	if err != nil || len(crashed.Steps) != 1 {
		t.Fatalf("claimed after its lease: got %d steps, %v, want 1", len(crashed.Steps), err)
	}
	small("crashed")
	if got := crashed.Steps[0]; !got.Crashed || got.Attempt != v.Attempt || got.Kind != followup.KindTemplate || got.UsedStep != 2 {
		t.Errorf("crashed: got %+v, want the attempt, kind and used step of its guard", got)
	}
	if _, err := s.FinishStep(ctx, sent(crashed.Steps[0], v.Attempt)); err != nil {
		t.Fatal(err)
	}
	small("ended")
	start()
	small("started again")
	start()
	small("restarted")
	m := p.message("hi", epoch)
	m.Lead, m.Items[0].Reply, m.Items[0].Opens = lead, true, true
	if settled, err := s.Settle(ctx, m); err != nil || len(settled.Ended) != 1 {
		t.Fatalf("Settle: got %+v, %v, want one run ended", settled, err)
	}
	small("replied")
}
