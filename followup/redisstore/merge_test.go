package redisstore

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI1InterruptedMergeIsFinished kills a merge before each of its steps. Afterwards the contact
// is resolved by either identity, or by both. There must be one lead with everything that the two
// leads had, and no call may be refused for ever.
func TestI1InterruptedMergeIsFinished(t *testing.T) {
	t.Parallel()
	steps := before(mergeOutScript, mergeInScript, realiasScript, eraseScript, nameScript)
	identities := map[string]followup.Identity{
		"by phone":   {Phone: "15550100001"},
		"by user id": {UserID: "US.1"},
		"by both":    {Phone: "15550100001", UserID: "US.1"},
	}
	server := redistest.Start(t)
	for name, script := range steps {
		for by, who := range identities {
			t.Run(name+" "+by, func(t *testing.T) {
				ctx, p := t.Context(), newParty()
				client := server.Client()
				s := openStore(t, Params{Client: client})
				leads := p.talking(t, s, followup.Identity{Phone: "15550100001"}, followup.Identity{UserID: "US.1"})
				client.AddHook(crashBefore(script))
				_, _ = s.Resolve(ctx, p.tenant, identities["by both"], true, epoch.Add(time.Minute))

				after := openStore(t, Params{Client: server.Client()})
				lead, err := after.Resolve(ctx, p.tenant, who, true, epoch.Add(2*time.Minute))
				if err != nil {
					t.Fatalf("Resolve after the crash: got %v, want none", err)
				}
				settleText(t, after, p, lead, "m-after")
				merged, err := after.Resolve(ctx, p.tenant, identities["by both"], true, epoch.Add(3*time.Minute))
				if err != nil || !slices.Contains(leads, merged) {
					t.Fatalf("Resolve by both: got %v, %v, want one of the two leads", merged, err)
				}
				history, err := after.History(ctx, merged, p.channel, epoch)
				if err != nil || len(history) != 3 {
					t.Errorf("history of the merged lead: got %d entries, %v, want 3", len(history), err)
				}
				checkBacklog(t, after)
				checkStepIndex(t, after)
			})
		}
	}
}

// TestI1CustomFieldsOfInterruptedMerge changes the winner's custom fields during a merge, or after
// a crash that interrupted the merge before or after it joined the two leads' fields. The finished
// merge must neither undo the change nor lose it.
func TestI1CustomFieldsOfInterruptedMerge(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	who := followup.Identity{Phone: "15550100001", UserID: "US.1"}
	changed := map[string]any{"c": "winner's", "new": json.Number("2.50")}
	joined := map[string]any{"b": json.Number("12345678901234567"), "c": "winner's", "new": json.Number("2.50")}
	write := func(t *testing.T, s *Store, p party, lead followup.LeadID, custom map[string]any) {
		t.Helper()
		l, err := s.Lead(t.Context(), p.tenant, lead)
		if err != nil {
			t.Fatal(err)
		}
		l.CustomFields = custom
		if _, err := s.PutLead(t.Context(), followup.PutLead{Lead: l, Now: epoch, Real: epoch}); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name  string
		hook  func(change func()) redis.Hook
		crash bool
		want  map[string]any
	}{
		{"changed before the import", func(change func()) redis.Hook { return meanwhile(mergeInScript, change) }, false, joined},
		{"changed after a crash before the import", func(func()) redis.Hook { return crashBefore(mergeInScript) }, true, joined},
		{"changed after a crash after the import", func(func()) redis.Hook { return crashBefore(realiasScript) }, true, changed},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, client := newParty(), server.Client()
			s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
			winner := mustResolve(t, s, p, followup.Identity{Phone: who.Phone}, epoch.Add(-time.Minute))
			loser := mustResolve(t, s, p, followup.Identity{UserID: who.UserID}, epoch)
			write(t, s, p, winner, map[string]any{"a": "winner's", "c": "winner's"})
			write(t, s, p, loser, map[string]any{"b": json.Number("12345678901234567"), "c": "loser's"})
			change := func() { write(t, other, p, winner, changed) }
			client.AddHook(row.hook(change))
			_, _ = s.Resolve(t.Context(), p.tenant, who, true, epoch)
			if row.crash {
				change()
				mustResolve(t, other, p, who, epoch)
			}
			l, err := other.Lead(t.Context(), p.tenant, winner)
			if err != nil || !reflect.DeepEqual(l.CustomFields, row.want) {
				t.Errorf("custom fields: got %v, %v, want %v", l.CustomFields, err, row.want)
			}
		})
	}
}

// TestI7StepSentDuringInterruptedMerge kills a merge while a step of the loser is in sending.
// FinishStep then records the step's result, in half of the cases after a first try that crashed.
// The merged lead must have the message in its history and be opted out, and each happening must be
// delivered once.
func TestI7StepSentDuringInterruptedMerge(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	steps := before(mergeInScript, realiasScript, eraseScript)
	steps["never"] = &script{Script: redis.NewScript("none")}
	for name, script := range steps {
		for _, crash := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, crash %t", name, crash), func(t *testing.T) {
				ctx, p := t.Context(), newParty()
				client := server.Client()
				s := openStore(t, Params{Client: client})
				older := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch.Add(-time.Minute))
				loser := mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch)
				c, attempt := p.sending(t, s, loser)
				client.AddHook(crashBefore(script))
				both := followup.Identity{Phone: "15550100001", UserID: "US.1"}
				_, _ = s.Resolve(ctx, p.tenant, both, true, epoch)

				f := sent(c, attempt)
				f.OptOut = true
				if crash {
					dying := server.Client()
					dying.AddHook(crashAt(finishScript, 2))
					_, _ = openStore(t, Params{Client: dying}).FinishStep(ctx, f)
				}
				after := openStore(t, Params{Client: server.Client()})
				if _, err := after.FinishStep(ctx, f); err != nil {
					t.Fatalf("FinishStep: got %v, want none", err)
				}
				lead, err := after.Resolve(ctx, p.tenant, both, true, epoch)
				if err != nil || lead != older {
					t.Fatalf("Resolve: got %v, %v, want the older lead", lead, err)
				}
				if l, err := after.Lead(ctx, p.tenant, lead); err != nil || !l.OptedOut {
					t.Errorf("opted out: got %t, %v, want true", l.OptedOut, err)
				}
				if h, err := after.History(ctx, lead, p.channel, epoch); err != nil || len(h) != 1 || h[0].Text != "hello" {
					t.Errorf("history: got %v, %v, want the message once", h, err)
				}
				if got, want := happenings(t, after), "scheduled sent cancelled"; got != want {
					t.Errorf("happenings: got %q, want %q", got, want)
				}
			})
		}
	}
}

// TestI7StepFinishedDuringMerge records the result of the loser's step while the merge is under
// way, and delivers from the loser's queue at the same time. Each happening must be delivered once.
func TestI7StepFinishedDuringMerge(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range before(mergeOutScript, mergeInScript, eraseScript) {
		t.Run(name, func(t *testing.T) {
			ctx, p := t.Context(), newParty()
			client := server.Client()
			s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
			both := followup.Identity{Phone: "15550100001", UserID: "US.1"}
			mustResolve(t, s, p, followup.Identity{Phone: both.Phone}, epoch.Add(-time.Minute))
			loser := mustResolve(t, s, p, followup.Identity{UserID: both.UserID}, epoch)
			c, attempt := p.sending(t, s, loser)
			told := ""
			client.AddHook(meanwhile(script, func() {
				if _, err := other.FinishStep(ctx, sent(c, attempt)); err != nil {
					t.Errorf("FinishStep: got %v, want none", err)
				}
				told = happenings(t, other)
			}))
			mustResolve(t, s, p, both, epoch)
			if rest := happenings(t, other); rest != "" {
				told = strings.TrimSpace(told + " " + rest)
			}
			ending := map[bool]string{true: "completed", false: "cancelled"}[script == mergeOutScript]
			if want := "scheduled sent " + ending; told != want {
				t.Errorf("happenings: got %q, want %q", told, want)
			}
		})
	}
}

// happenings delivers everything that waits and returns the names of the happenings in it.
func happenings(t *testing.T, s *Store) string {
	t.Helper()
	var out []string
	for _, d := range deliverAll(t, s) {
		for _, e := range d.Events {
			var v struct{ Event string }
			if err := json.Unmarshal(e.Value, &v); err != nil {
				t.Fatal(err)
			}
			out = append(out, v.Event)
		}
	}
	return strings.Join(out, " ")
}

// settleText settles one message of the lead, and fails the test if it is refused.
func settleText(t *testing.T, s *Store, p party, lead followup.LeadID, id string) {
	t.Helper()
	_, err := s.Settle(t.Context(), followup.Settlement{
		Tenant: p.tenant, Lead: lead, Now: epoch, Real: epoch,
		Items: []followup.Item{{
			DedupID: id, Channel: p.channel, Assistant: p.assistant, At: epoch, Opens: true, Reply: true,
			Entry: &followup.Entry{From: followup.FromLead, Text: id, At: epoch},
		}},
	})
	if err != nil {
		t.Fatalf("Settle: got %v, want none", err)
	}
}

// TestMergeExtendsHistoryLifetime: the first use of a conversation in each half day puts off the
// expiry of its history. A merge that brings the loser's use must put it off too, because the
// winner's next use in the same half day takes that as done.
func TestMergeExtendsHistoryLifetime(t *testing.T) {
	t.Parallel()
	s := openStore(t, Params{Client: redistest.Start(t).Client()})
	p := newParty()
	older := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
	settleText(t, s, p, older, "hi")
	history := s.tag(older).history(older, p.channel)
	s.db.PExpire(t.Context(), history, 24*time.Hour) // as if 29 days had passed
	later := epoch.Add(29 * 24 * time.Hour)
	younger := mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, later)
	if _, err := s.Settle(t.Context(), followup.Settlement{
		Tenant: p.tenant, Lead: younger, Now: later, Real: later,
		Items: []followup.Item{{DedupID: "reaction", Channel: p.channel, Assistant: p.assistant, At: later, Reply: true}},
	}); err != nil {
		t.Fatal(err)
	}
	if got := mustResolve(t, s, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, later); got != older {
		t.Fatalf("Resolve: got %s, want the older lead", got)
	}
	wantTTL(t, s, history, followup.HistoryAge)
}

// TestI8OtherReplicaLearnsThatLeadWasErased erases a lead while another replica has it in its
// cache. That replica's next call that uses the lead must be refused; resolving the contact must
// then find the new lead.
func TestI8OtherReplicaLearnsThatLeadWasErased(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ways := map[string]func(s *Store, p party, lead followup.LeadID) error{
		"by sending": func(s *Store, p party, lead followup.LeadID) error {
			v, err := s.GuardSend(t.Context(), followup.GuardSend{
				Tenant: p.tenant, Lead: lead, Channel: p.channel, Assistant: p.assistant, Now: epoch, Real: epoch,
			})
			if err == nil && v.Refusal != followup.Allowed {
				return followup.ErrLeadMoved
			}
			return err
		},
		"by reading": func(s *Store, p party, lead followup.LeadID) error {
			_, err := s.Lead(t.Context(), p.tenant, lead)
			return err
		},
	}
	for name, use := range ways {
		t.Run(name, func(t *testing.T) {
			ctx, p := t.Context(), newParty()
			a, b := openStore(t, Params{Client: server.Client()}), openStore(t, Params{Client: server.Client()})
			who := followup.Identity{Phone: "15550100001"}
			old, err := b.Resolve(ctx, p.tenant, who, true, epoch)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.EraseLead(ctx, p.tenant, old, epoch); err != nil {
				t.Fatal(err)
			}
			fresh, err := a.Resolve(ctx, p.tenant, who, true, epoch.Add(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if err := use(b, p, old); err == nil {
				t.Errorf("the erased lead: got no error, want one")
			}
			again, err := b.Resolve(ctx, p.tenant, who, true, epoch)
			if err != nil || again != fresh {
				t.Fatalf("Resolve: got %v, %v, want the new lead", again, err)
			}
			if err := use(b, p, again); err != nil {
				t.Errorf("the new lead: got %v, want none", err)
			}
		})
	}
}
