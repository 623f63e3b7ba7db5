package redisstore

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI7LeadMergedManyTimes resolves a person's changes of user id, the latest first, so that a
// chain of leads forms, each merged into the one before it. The lead at its end has a step in
// sending. The result of that step, a receipt of it, and an erasure must each find their way along
// the chain.
func TestI7LeadMergedManyTimes(t *testing.T) {
	t.Parallel()
	ctx, p := t.Context(), newParty()
	s := openStore(t, Params{Client: redistest.Start(t).Client()})
	leads := make([]followup.LeadID, 12)
	for i := range leads {
		who := followup.Identity{Phone: fmt.Sprint("1555010000", i), UserID: fmt.Sprint("US.", i)}
		leads[i] = mustResolve(t, s, p, who, epoch.Add(time.Duration(i)*time.Second))
	}
	first, last := leads[len(leads)-1], leads[0]
	c, attempt := p.sending(t, s, first)
	for i := len(leads) - 1; i > 0; i-- {
		who := followup.Identity{UserID: fmt.Sprint("US.", i), OldUserID: fmt.Sprint("US.", i-1)}
		if got := mustResolve(t, s, p, who, epoch); got != leads[i-1] {
			t.Fatalf("Resolve: got %s, want %s", got, leads[i-1])
		}
	}
	f := sent(c, attempt)
	f.Outcome, f.Reason = followup.Uncertain, followup.NoAnswer
	if _, err := s.FinishStep(ctx, f); err != nil {
		t.Errorf("FinishStep: got %v, want none", err)
	}
	if h, err := s.History(ctx, last, p.channel, epoch); err != nil || len(h) != 1 {
		t.Errorf("history of the last lead: got %v, %v, want the message", h, err)
	}
	out, err := s.Settle(ctx, p.delivered(last, attempt))
	if err != nil || len(out.Corrections) != 1 {
		t.Errorf("Settle: got %+v, %v, want the step corrected", out, err)
	}
	if got, want := happenings(t, s), "scheduled uncertain cancelled settled"; got != want {
		t.Errorf("happenings: got %q, want %q", got, want)
	}
	if err := s.EraseLead(ctx, p.tenant, last, epoch); err != nil {
		t.Fatal(err)
	}
	for i, lead := range leads {
		if got, want := keysOf(t, s, lead), []string{s.tag(lead).lead(lead)}; !slices.Equal(got, want) {
			t.Errorf("keys of erased lead %d: got %q, want only its tombstone", i, got)
		}
	}
}

// TestI1MergeWithHalfMergedLead resolves two identities of which one belongs to a lead that was
// being merged into an older lead when the process died. The call must finish that merge first;
// otherwise it would be refused for ever.
func TestI1MergeWithHalfMergedLead(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range scriptsAfterTombstone {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, Params{Client: server.Client()})
			h := newHalves(t, s)
			third := h.addThird(t, s)
			h.dieBefore(t, server, script)
			who := followup.Identity{UserID: bothHalves.UserID, ExternalID: "crm-1"}
			if got, err := s.Resolve(t.Context(), h.tenant, who, true, epoch); got != h.older {
				t.Errorf("Resolve: got %s, %v, want the oldest lead", got, err)
			}
			if entries, err := s.History(t.Context(), h.older, h.channel, epoch); err != nil || len(entries) != 2 {
				t.Errorf("history: got %v, %v, want 2 entries, all that the leads had", entries, err)
			}
			h.erase(t, s, h.older)
			h.wantNobody(t, s)
			h.wantNothing(t, s, third)
		})
	}
}

// TestI2MergeMeetsUnfinishedMergeIntoItsLoser: a merge of B into C begins while a merge of A into B
// is unfinished. Another call finishes the first merge just before the second one imports. What A
// had must arrive in C once.
func TestI2MergeMeetsUnfinishedMergeIntoItsLoser(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range map[string]*script{"before the identities move": realiasScript, "before the import": mergeInScript, "before the loser is cleared": eraseScript} {
		t.Run(name, func(t *testing.T) {
			p := newParty()
			client := server.Client()
			s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
			mustResolve(t, s, p, followup.Identity{ExternalID: "x"}, epoch.Add(-2*time.Minute))
			mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch.Add(-time.Minute))
			loser := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
			settleEvent(t, s, p, loser, "once")
			dieResolving(t, server, script, p.tenant, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch)
			client.AddHook(meanwhile(mergeInScript, func() {
				mustResolve(t, other, p, followup.Identity{Phone: "15550100001"}, epoch)
			}))
			lead := mustResolve(t, s, p, followup.Identity{UserID: "US.1", ExternalID: "x"}, epoch)
			p.wantOnce(t, other, lead, "once")
		})
	}
}

// TestI2ForwardedWhileHeirIsMerged: the happenings of the loser's last step were forwarded to its
// heir, but the process died before it noted that. The note is made up for while the heir is being
// merged into a third lead. Each happening must be delivered once.
func TestI2ForwardedWhileHeirIsMerged(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx, p := t.Context(), newParty()
	dying, client := server.Client(), server.Client()
	s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
	mustResolve(t, s, p, followup.Identity{ExternalID: "x"}, epoch.Add(-2*time.Minute))
	mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch.Add(-time.Minute))
	loser := mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch)
	c, attempt := p.sending(t, s, loser)
	mustResolve(t, s, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch)
	dying.AddHook(crashAt(forwardScript, 2))
	if _, err := openStore(t, Params{Client: dying}).FinishStep(ctx, sent(c, attempt)); err != nil {
		t.Fatal(err)
	}
	client.AddHook(meanwhile(mergeInScript, func() {
		if err := other.forward(ctx, p.tenant, loser); err != nil {
			t.Errorf("forward: got %v, want none", err)
		}
	}))
	mustResolve(t, s, p, followup.Identity{Phone: "15550100001", ExternalID: "x"}, epoch)
	if got, want := happenings(t, other), "scheduled sent cancelled"; got != want {
		t.Errorf("happenings: got %q, want %q", got, want)
	}
}
