package redisstore

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/providers"
)

// settleEvent settles one event that does something of everything.
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

// deliverAll delivers all that there is, looking a few times.
func deliverAll(t *testing.T, s *Store) string {
	t.Helper()
	got := ""
	for i := range 6 {
		for _, d := range claimAll(t, s, time.Now().Add(time.Duration(i+1)*time.Hour)) {
			got += said(d)
			if err := s.FinishDelivery(t.Context(), followup.FinishDelivery{Delivery: d, Delivered: true, Real: epoch}); err != nil {
				t.Error(err)
			}
		}
	}
	return got
}

// mustResolve returns the lead with these identities, made at that instant if need be.
func mustResolve(t *testing.T, s *Store, p party, who followup.Identity, at time.Time) followup.LeadID {
	t.Helper()
	l, err := s.Resolve(t.Context(), p.tenant, who, true, at)
	if err != nil {
		t.Fatalf("Resolve: %v", err)
	}
	return l
}

// TestI1AnEventForAnotherAssistantDuringAMerge has an event for another assistant,
// on another channel, settled to the loser once the merge has looked what there is.
func TestI1AnEventForAnotherAssistantDuringAMerge(t *testing.T) {
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
	client.AddHook(&meanwhile{mergeOutScript.Hash(), func() { settleEvent(t, other, second, loser, "kept") }})
	lead := mustResolve(t, s, p, both, epoch.Add(time.Minute))
	if got := deliverAll(t, other); got != "kept " {
		t.Errorf("delivered: got %q, want %q", got, "kept ")
	}
	if h, err := other.History(t.Context(), lead, second.channel, epoch); err != nil || len(h) != 1 {
		t.Errorf("history: got %v, %v, want the one message", h, err)
	}
}

// TestI1AnErasureReachesWhatCameMeanwhile does the same to an erasure.
func TestI1AnErasureReachesWhatCameMeanwhile(t *testing.T) {
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
	client.AddHook(&meanwhile{eraseScript.Hash(), func() { settleEvent(t, other, second, lead, "secret") }})
	if err := s.EraseLead(t.Context(), p.tenant, lead, epoch); err != nil {
		t.Fatal(err)
	}
	for _, k := range keysOf(t, other, lead) {
		if !strings.Contains(k, ":l:") {
			t.Errorf("left behind: %s", k)
		}
	}
}

// TestI7AReceiptOfAMergedStepHalfDone kills the process between the slot of the lead
// and that of the step that a receipt is about: the repetition goes on from there.
func TestI7AReceiptOfAMergedStepHalfDone(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx, p := t.Context(), newParty()
	s := openStore(t, Params{Client: server.Client()})
	both := followup.Identity{Phone: "15550100001", UserID: "US.1"}
	mustResolve(t, s, p, followup.Identity{Phone: both.Phone}, epoch.Add(-time.Minute))
	loser := mustResolve(t, s, p, followup.Identity{UserID: both.UserID}, epoch)
	if _, _, err := s.Start(ctx, p.tenant, loser, followup.Arm{
		Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: time.Minute,
	}, false, epoch.Add(-time.Minute), epoch); err != nil {
		t.Fatal(err)
	}
	c := claimStep(t, s)
	attempt := guardStep(t, s, c, nil).Attempt
	if _, err := s.FinishStep(ctx, followup.FinishStep{
		Run: c.Run.ID, Token: c.Token, Attempt: attempt, Kind: followup.KindAI, Outcome: followup.Uncertain,
		Reason: followup.NoAnswer, Text: "hello", Next: -1, Now: epoch, Real: epoch,
	}); err != nil {
		t.Fatal(err)
	}
	lead := mustResolve(t, s, p, both, epoch)
	st := followup.Settlement{
		Tenant: p.tenant, Lead: lead, Now: epoch, Real: epoch,
		Items: []followup.Item{{
			DedupID: "status:m1:delivered", Channel: p.channel, Assistant: p.assistant, At: epoch,
			Receipt: &followup.Receipt{Attempt: attempt, State: providers.StatusDelivered, MessageID: "m1"},
		}},
	}
	dying := server.Client()
	dying.AddHook(&crashBefore{correctScript.Hash()})
	if _, err := openStore(t, Params{Client: dying}).Settle(ctx, st); err == nil {
		t.Fatal("Settle: got none, want the crash")
	}
	if _, err := s.Settle(ctx, st); err != nil { // the provider sends it again
		t.Fatal(err)
	}
	run, err := s.Run(ctx, p.tenant, c.Run.ID)
	if err != nil || run.Timeline[0].Settled != followup.Sent {
		t.Errorf("timeline: got %+v, %v, want it settled as sent", run.Timeline, err)
	}
}

// TestI2TwoMergesOfOneLeadAtOnce has two processes find out at once that one lead is two
// others, each another.
func TestI2TwoMergesOfOneLeadAtOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range map[string]*redis.Script{"before the tombstone": mergeOutScript, "before the import": mergeInScript, "before realias": realiasScript, "before erase": eraseScript} {
		t.Run(name, func(t *testing.T) {
			p := newParty()
			client := server.Client()
			s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
			mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch.Add(-2*time.Minute))
			mustResolve(t, s, p, followup.Identity{ExternalID: "x"}, epoch.Add(-time.Minute))
			loser := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
			settleEvent(t, s, p, loser, "once")
			client.AddHook(&meanwhile{script.Hash(), func() {
				mustResolve(t, other, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch)
			}})
			lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100001", ExternalID: "x"}, epoch)
			if got := deliverAll(t, other); got != "once " {
				t.Errorf("delivered: got %q, want %q", got, "once ")
			}
			if h, err := other.History(t.Context(), lead, p.channel, epoch); err != nil || len(h) != 1 {
				t.Errorf("history: got %v, %v, want the one message", h, err)
			}
		})
	}
}

// TestI2AMergeHalfDoneWhoseWinnerIsMergedOn merges the winner of a merge half done into a third
// lead: whoever finishes the first merge then brings nothing twice.
func TestI2AMergeHalfDoneWhoseWinnerIsMergedOn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range map[string]*redis.Script{"before realias": realiasScript, "before the import": mergeInScript, "before erase": eraseScript} {
		t.Run(name, func(t *testing.T) {
			p := newParty()
			client := server.Client()
			s := openStore(t, Params{Client: client})
			mustResolve(t, s, p, followup.Identity{ExternalID: "x"}, epoch.Add(-2*time.Minute))
			mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch.Add(-time.Minute))
			loser := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
			settleEvent(t, s, p, loser, "once")
			client.AddHook(&crashBefore{script.Hash()})
			_, _ = s.Resolve(t.Context(), p.tenant, followup.Identity{Phone: "15550100001", UserID: "US.1"}, true, epoch)
			after := openStore(t, Params{Client: server.Client()})
			mustResolve(t, after, p, followup.Identity{UserID: "US.1", ExternalID: "x"}, epoch)
			lead := mustResolve(t, after, p, followup.Identity{Phone: "15550100001"}, epoch)
			if got := deliverAll(t, after); got != "once " {
				t.Errorf("delivered: got %q, want %q", got, "once ")
			}
			if h, err := after.History(t.Context(), lead, p.channel, epoch); err != nil || len(h) != 1 {
				t.Errorf("history: got %v, %v, want the one message", h, err)
			}
		})
	}
}

// TestI11AnErasureAfterAMergeHalfDone erases the winner of a merge half done.
func TestI11AnErasureAfterAMergeHalfDone(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range map[string]*redis.Script{"before the import": mergeInScript, "before realias": realiasScript, "before erase": eraseScript} {
		t.Run(name, func(t *testing.T) {
			p := newParty()
			client := server.Client()
			s := openStore(t, Params{Client: client})
			winner := mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch.Add(-time.Minute))
			loser := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
			settleEvent(t, s, p, loser, "secret")
			client.AddHook(&crashBefore{script.Hash()})
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

// TestI2ForwardedToAnHeirThatIsMergedOn kills a process that has forwarded happenings before it has
// noted that, and merges the heir into a third lead.
func TestI2ForwardedToAnHeirThatIsMergedOn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx, p := t.Context(), newParty()
	s := openStore(t, Params{Client: server.Client()})
	mustResolve(t, s, p, followup.Identity{ExternalID: "x"}, epoch.Add(-2*time.Minute))
	mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch.Add(-time.Minute))
	loser := mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch)
	if _, _, err := s.Start(ctx, p.tenant, loser, followup.Arm{
		Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: time.Minute,
	}, false, epoch.Add(-time.Minute), epoch); err != nil {
		t.Fatal(err)
	}
	c := claimStep(t, s)
	attempt := guardStep(t, s, c, nil).Attempt
	mustResolve(t, s, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch)
	dying := server.Client()
	dying.AddHook(&dyingAt{hash: forwardScript.Hash(), n: 2})
	if _, err := openStore(t, Params{Client: dying}).FinishStep(ctx, followup.FinishStep{
		Run: c.Run.ID, Token: c.Token, Attempt: attempt, Kind: followup.KindAI, Outcome: followup.Sent,
		Reason: followup.ByAI, Text: "hello", Next: -1, Now: epoch, Real: epoch,
	}); err != nil {
		t.Fatal(err)
	}
	mustResolve(t, s, p, followup.Identity{Phone: "15550100001", ExternalID: "x"}, epoch)
	if got, want := happenings(t, s), "scheduled sent cancelled"; got != want {
		t.Errorf("told: got %q, want %q", got, want)
	}
}

// twice is a client hook that makes each call of a script twice, as after a lost
// answer, and tells how much the second has written.
type twice struct {
	crashBefore
	hash  string
	probe redis.UniversalClient
	wrote []int
}

func (w *twice) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		args := cmd.Args()
		if len(args) < 2 || args[1] != w.hash {
			return next(ctx, cmd)
		}
		if err := next(ctx, cmd); err != nil {
			return err
		}
		before := changesOf(ctx, w.probe)
		err := next(ctx, cmd)
		w.wrote = append(w.wrote, changesOf(ctx, w.probe)-before)
		return err
	}
}

func changesOf(ctx context.Context, db redis.UniversalClient) int {
	for line := range strings.Lines(db.Info(ctx, "persistence").Val()) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "rdb_changes_since_last_save:"); ok {
			n, _ := strconv.Atoi(v)
			return n
		}
	}
	return -1
}

// TestI1ARepeatedRequestWritesSomethingToWaitFor looks at what a repetition writes: since Redis
// 7.2 a WAIT asks for what its connection wrote last, so one that writes nothing, on
// another connection, would be promised at once.
func TestI1ARepeatedRequestWritesSomethingToWaitFor(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		script *redis.Script
		do     func(t *testing.T, s *Store, p party)
	}{
		"settle": {settleScript, func(t *testing.T, s *Store, p party) { settleEvent(t, s, p, followup.NewLeadID(), "x") }},
		"merge in": {mergeInScript, func(t *testing.T, s *Store, p party) {
			mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
			mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch)
			mustResolve(t, s, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch)
		}},
		"merge out": {mergeOutScript, func(t *testing.T, s *Store, p party) {
			mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
			mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch)
			mustResolve(t, s, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			client := redistest.Start(t).Client()
			s := openStore(t, Params{Client: client})
			w := &twice{hash: row.script.Hash(), probe: s.db}
			client.AddHook(w)
			row.do(t, s, newParty())
			row.do(t, s, newParty())
			for _, n := range w.wrote {
				if n == 0 {
					t.Errorf("the repetition wrote nothing")
				}
			}
		})
	}
}
