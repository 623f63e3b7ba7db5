package redisstore

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// settleEvent settles one event that is relayed, enters the history and opens the window.
func settleEvent(t *testing.T, s *Store, p party, lead followup.LeadID, text string) {
	t.Helper()
	value, _ := json.Marshal(map[string]string{"text": text})
	_, err := s.Settle(t.Context(), followup.Settlement{
		Tenant: p.tenant, Lead: lead, Now: epoch, Real: epoch,
		Items: []followup.Item{{
			DedupID: uuid.NewString(), Channel: p.channel, Assistant: p.assistant, At: epoch, Opens: true,
			Relay: &followup.RelayEvent{Channel: p.channel, Field: "messages", Value: value},
			Entry: &followup.Entry{From: followup.FromLead, Text: text, At: epoch},
		}},
	})
	if err != nil {
		t.Fatalf("Settle: %v", err)
	}
}

// wantOnce delivers everything that waits, and fails the test unless that is the lead's one
// message, once, and the history holds it too.
func (p party) wantOnce(t *testing.T, s *Store, lead followup.LeadID, text string) {
	t.Helper()
	got := ""
	for _, d := range deliverAll(t, s) {
		got += textsIn(d)
	}
	if want := text + " "; got != want {
		t.Errorf("delivered: got %q, want %q", got, want)
	}
	if h, err := s.History(t.Context(), lead, p.channel, epoch); err != nil || len(h) != 1 {
		t.Errorf("history: got %v, %v, want the one message", h, err)
	}
}

// TestI1EventForOtherAssistantDuringMerge settles an event to the loser, for another assistant on
// another channel, after the merge has read what the loser has. The event must reach the merged
// lead.
func TestI1EventForOtherAssistantDuringMerge(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := newParty()
	client := server.Client()
	s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
	both := followup.Identity{Phone: "15550100001", UserID: "US.1"}
	mustResolve(t, s, p, followup.Identity{Phone: both.Phone}, epoch.Add(-time.Minute))
	loser := mustResolve(t, s, p, followup.Identity{UserID: both.UserID}, epoch)
	second := p
	second.assistant, second.channel = followup.AssistantID(uuid.NewString()), followup.ChannelID(uuid.NewString())
	client.AddHook(meanwhile(mergeOutScript, func() { settleEvent(t, other, second, loser, "kept") }))
	lead := mustResolve(t, s, p, both, epoch.Add(time.Minute))
	second.wantOnce(t, other, lead, "kept")
}

// TestI1ErasureReachesWhatCameMeanwhile settles an event for another assistant after an erasure has
// read what the lead has. Nothing of it may be left.
func TestI1ErasureReachesWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := newParty()
	client := server.Client()
	s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
	lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
	p.lead = lead
	settleEvent(t, s, p, lead, "first")
	second := p
	second.assistant, second.channel = followup.AssistantID(uuid.NewString()), followup.ChannelID(uuid.NewString())
	client.AddHook(meanwhile(eraseScript, func() { settleEvent(t, other, second, lead, "secret") }))
	if err := s.EraseLead(t.Context(), p.tenant, lead, epoch); err != nil {
		t.Fatal(err)
	}
	for _, k := range keysOf(t, other, lead) {
		if !strings.Contains(k, ":l:") {
			t.Errorf("left behind: %s", k)
		}
	}
}

// TestI7RunStartedDuringErasureIsNotIndexed: a run starts while its lead is being erased. No index
// of steps may keep it.
func TestI7RunStartedDuringErasureIsNotIndexed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p, client := newParty(), server.Client()
	s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
	lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
	client.AddHook(meanwhile(eraseScript, func() { p.start(t, other, lead, "c") }))
	if err := s.EraseLead(t.Context(), p.tenant, lead, epoch); err != nil {
		t.Fatal(err)
	}
	checkStepIndex(t, other)
}

// TestI7ReceiptOfMergedStepInterrupted: the process dies after a receipt was settled in the slot of
// the lead and before it was settled in the slot of the step. When the receipt comes again, the
// rest must be done. Runs that ended in the first part must be counted although the call returned
// an error.
func TestI7ReceiptOfMergedStepInterrupted(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx, p := t.Context(), newParty()
	s := openStore(t, Params{Client: server.Client()})
	both := followup.Identity{Phone: "15550100001", UserID: "US.1"}
	mustResolve(t, s, p, followup.Identity{Phone: both.Phone}, epoch.Add(-time.Minute))
	loser := mustResolve(t, s, p, followup.Identity{UserID: both.UserID}, epoch)
	c, attempt := p.sending(t, s, loser)
	f := sent(c, attempt)
	f.Outcome, f.Reason = followup.Uncertain, followup.NoAnswer
	if _, err := s.FinishStep(ctx, f); err != nil {
		t.Fatal(err)
	}
	lead := mustResolve(t, s, p, both, epoch)
	st := p.delivered(lead, attempt)
	dying := server.Client()
	dying.AddHook(crashBefore(correctScript))
	st.Items[0].Reply = true
	live := p.start(t, s, lead, "c")
	var ended []followup.Ended
	count := func(e []followup.Ended) { ended = append(ended, e...) }
	if _, err := openStore(t, Params{Client: dying, OnEnded: count}).Settle(ctx, st); err == nil {
		t.Fatal("Settle: got no error, want the crash")
	}
	if len(ended) != 1 || ended[0].Run != live {
		t.Errorf("counted: got %v, want the end of %s", ended, live)
	}
	if _, err := s.Settle(ctx, st); err != nil { // the provider sends it again
		t.Fatal(err)
	}
	run, err := s.Run(ctx, p.tenant, c.Run.ID)
	if err != nil || run.Timeline[0].Settled != followup.Sent {
		t.Errorf("timeline: got %+v, %v, want it settled as sent", run.Timeline, err)
	}
}

// TestI7ReceiptOfMergedStepWhileWinnerIsMerged: after a receipt was settled with the lead, and
// before the step learns of it, that lead is merged into another. The step must still be corrected,
// because nobody sends the receipt again.
func TestI7ReceiptOfMergedStepWhileWinnerIsMerged(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx, p, client := t.Context(), newParty(), server.Client()
	s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
	last := mustResolve(t, s, p, followup.Identity{ExternalID: "x"}, epoch.Add(-2*time.Minute))
	mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch.Add(-time.Minute))
	loser := mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch)
	c, attempt := p.sending(t, s, loser)
	f := sent(c, attempt)
	f.Outcome, f.Reason = followup.Uncertain, followup.NoAnswer
	if _, err := s.FinishStep(ctx, f); err != nil {
		t.Fatal(err)
	}
	lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch)
	settleText(t, s, p, lead, "first") // so that Redis has the script in its cache
	client.AddHook(&onScript{settleScript, func(_ context.Context, call func() error) error {
		err := call()
		if got := mustResolve(t, other, p, followup.Identity{Phone: "15550100001", ExternalID: "x"}, epoch); got != last {
			t.Errorf("Resolve: got %s, want %s", got, last)
		}
		return err
	}})
	out, err := s.Settle(ctx, p.delivered(lead, attempt))
	if err != nil || len(out.Corrections) != 1 {
		t.Errorf("Settle: got %+v, %v, want the step corrected", out, err)
	}
}

// TestI1RepeatedReceiptOfMergedStepWrites: the first try may have failed because replicas did not
// confirm it, so the provider sends the receipt again. The repetition must write something too, or
// WAIT would ask for nothing.
func TestI1RepeatedReceiptOfMergedStepWrites(t *testing.T) {
	t.Parallel()
	ctx, p, client := t.Context(), newParty(), redistest.Start(t).Client()
	s := openStore(t, Params{Client: client})
	mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch.Add(-time.Minute))
	loser := mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch)
	_, attempt := p.sending(t, s, loser)
	st := p.delivered(mustResolve(t, s, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch), attempt)
	if _, err := s.Settle(ctx, st); err != nil {
		t.Fatal(err)
	}
	wrote := 0
	client.AddHook(&onScript{correctScript, func(_ context.Context, call func() error) error {
		before := changesOf(ctx, client)
		err := call()
		wrote = changesOf(ctx, client) - before
		return err
	}})
	if _, err := s.Settle(ctx, st); err != nil || wrote == 0 {
		t.Errorf("Settle again: got %v and %d changes, want at least one", err, wrote)
	}
}

// TestI2ConcurrentMergesOfOneLead: two processes merge the same lead at the same time, each into
// another lead. The lead's event must be delivered once.
func TestI2ConcurrentMergesOfOneLead(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range before(mergeOutScript, mergeInScript, realiasScript, eraseScript) {
		t.Run(name, func(t *testing.T) {
			p := newParty()
			client := server.Client()
			s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
			mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch.Add(-2*time.Minute))
			mustResolve(t, s, p, followup.Identity{ExternalID: "x"}, epoch.Add(-time.Minute))
			loser := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
			settleEvent(t, s, p, loser, "once")
			client.AddHook(meanwhile(script, func() {
				mustResolve(t, other, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch)
			}))
			lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100001", ExternalID: "x"}, epoch)
			p.wantOnce(t, other, lead, "once")
		})
	}
}

// TestI2WinnerOfInterruptedMergeIsMerged merges the winner of an unfinished merge into a third
// lead. Finishing the first merge after that must bring nothing twice.
func TestI2WinnerOfInterruptedMergeIsMerged(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range before(realiasScript, mergeInScript, eraseScript) {
		t.Run(name, func(t *testing.T) {
			p := newParty()
			client := server.Client()
			s := openStore(t, Params{Client: client})
			mustResolve(t, s, p, followup.Identity{ExternalID: "x"}, epoch.Add(-2*time.Minute))
			mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch.Add(-time.Minute))
			loser := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
			settleEvent(t, s, p, loser, "once")
			client.AddHook(crashBefore(script))
			_, _ = s.Resolve(t.Context(), p.tenant, followup.Identity{Phone: "15550100001", UserID: "US.1"}, true, epoch)
			after := openStore(t, Params{Client: server.Client()})
			mustResolve(t, after, p, followup.Identity{UserID: "US.1", ExternalID: "x"}, epoch)
			lead := mustResolve(t, after, p, followup.Identity{Phone: "15550100001"}, epoch)
			p.wantOnce(t, after, lead, "once")
		})
	}
}

// TestI11ErasureAfterInterruptedMerge erases the winner of an unfinished merge. Nothing may be left
// of either lead but tombstones.
func TestI11ErasureAfterInterruptedMerge(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range before(mergeInScript, realiasScript, eraseScript) {
		t.Run(name, func(t *testing.T) {
			p := newParty()
			client := server.Client()
			s := openStore(t, Params{Client: client})
			winner := mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch.Add(-time.Minute))
			loser := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
			settleEvent(t, s, p, loser, "secret")
			client.AddHook(crashBefore(script))
			_, _ = s.Resolve(t.Context(), p.tenant, followup.Identity{Phone: "15550100001", UserID: "US.1"}, true, epoch)
			after := openStore(t, Params{Client: server.Client()})
			if err := after.EraseLead(t.Context(), p.tenant, winner, epoch); err != nil {
				t.Fatal(err)
			}
			mustResolve(t, after, p, followup.Identity{Phone: "15550100001"}, epoch)
			deliverAll(t, after)
			for _, lead := range []followup.LeadID{winner, loser} {
				for _, k := range keysOf(t, after, lead) {
					if !strings.Contains(k, ":l:") || after.db.HExists(t.Context(), k, "ph").Val() {
						t.Errorf("left behind: %s", k)
					}
				}
			}
		})
	}
}

// TestI2ForwardedBeforeHeirIsMerged: a process forwards happenings to an heir, dies before it notes
// that, and the heir is merged into a third lead. Each happening must be delivered once.
func TestI2ForwardedBeforeHeirIsMerged(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx, p := t.Context(), newParty()
	s := openStore(t, Params{Client: server.Client()})
	mustResolve(t, s, p, followup.Identity{ExternalID: "x"}, epoch.Add(-2*time.Minute))
	mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch.Add(-time.Minute))
	loser := mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch)
	c, attempt := p.sending(t, s, loser)
	mustResolve(t, s, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch)
	dying := server.Client()
	dying.AddHook(crashAt(forwardScript, 2))
	if _, err := openStore(t, Params{Client: dying}).FinishStep(ctx, sent(c, attempt)); err != nil {
		t.Fatal(err)
	}
	mustResolve(t, s, p, followup.Identity{Phone: "15550100001", ExternalID: "x"}, epoch)
	if got, want := happenings(t, s), "scheduled sent cancelled"; got != want {
		t.Errorf("happenings: got %q, want %q", got, want)
	}
}

// TestI1RepeatedRequestWrites: since Redis 7.2, WAIT asks for what its own connection wrote last. A
// repetition on another connection that writes nothing would be confirmed at once, so each repeated
// request must write something.
func TestI1RepeatedRequestWrites(t *testing.T) {
	t.Parallel()
	merge := func(t *testing.T, s *Store, p party) {
		mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
		mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch)
		mustResolve(t, s, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch)
	}
	for name, row := range map[string]struct {
		script *script
		do     func(t *testing.T, s *Store, p party)
	}{
		"settle": {settleScript, func(t *testing.T, s *Store, p party) { settleEvent(t, s, p, followup.NewLeadID(), "x") }},
		"said": {saidScript, func(t *testing.T, s *Store, p party) {
			_, met := s.settleWhole(t.Context(), p.saying(epoch, "x"))
			if _, err := s.Settle(t.Context(), p.saying(epoch, "y")); met != nil || err != nil {
				t.Fatalf("Settle: got %v and %v, want none", met, err)
			}
		}},
		"guard": {guardScript, func(t *testing.T, s *Store, p party) {
			p.sending(t, s, mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch))
		}},
		"merge in":  {mergeInScript, merge},
		"merge out": {mergeOutScript, merge},
	} {
		t.Run(name, func(t *testing.T) {
			client := redistest.Start(t).Client()
			s := openStore(t, Params{Client: client})
			var wrote []int
			client.AddHook(twice(row.script, s.db, &wrote))
			row.do(t, s, newParty())
			row.do(t, s, newParty())
			if len(wrote) == 0 {
				t.Error("got no call of the script, want some")
			}
			for _, n := range wrote {
				if n == 0 {
					t.Errorf("repetition: got no changes, want some")
				}
			}
		})
	}
}
