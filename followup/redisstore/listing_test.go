package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestListingWhileLeadsComeAndGo searches more leads than are read at once, while other leads come
// or go. No lead may be listed twice, and no lead that stays may be missing.
func TestListingWhileLeadsComeAndGo(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, Params{Client: server.Client()})
	const many = scanPage + 10
	for _, row := range []struct {
		name       string
		f          followup.LeadFilter
		come, gone int
	}{
		{"by name, one comes", followup.LeadFilter{Name: "ana"}, 1, 0},
		{"by name, two go", followup.LeadFilter{Name: "ana"}, 0, 2},
		{"by status, one comes", followup.LeadFilter{StatusID: "s"}, 1, 0},
		{"by status, two go", followup.LeadFilter{StatusID: "s"}, 0, 2},
		{"by both", followup.LeadFilter{Name: "ana", StatusID: "s"}, 2, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newParty()
			put := func(i int, at time.Time) followup.LeadID {
				id := mustResolve(t, s, p, followup.Identity{Phone: fmt.Sprint(5_511_900_000_000 + i)}, at)
				l, err := s.Lead(t.Context(), p.tenant, id)
				if err != nil {
					t.Fatalf("Lead: %v", err)
				}
				l.Name, l.StatusID = "Ana", "s"
				if _, err := s.PutLead(t.Context(), followup.PutLead{Lead: l, Now: at, Real: at}); err != nil {
					t.Fatalf("PutLead: %v", err)
				}
				return id
			}
			var want []followup.LeadID
			for i := range many {
				want = append(want, put(i, epoch.Add(time.Duration(i/3)*time.Millisecond))) // several in one millisecond
			}
			stay, gone := want[:many-row.gone], want[many-row.gone:]
			client := server.Client()
			other := openStore(t, Params{Client: client})
			client.AddHook(&afterReading{many: scanPage, do: func() {
				for i := range row.come {
					put(many+i, epoch.Add(time.Hour))
				}
				for _, id := range gone {
					if err := s.EraseLead(t.Context(), p.tenant, id, epoch); err != nil {
						t.Errorf("EraseLead: %v", err)
					}
				}
			}})
			f := row.f
			f.Limit = 2 * many
			leads, total, err := other.Leads(t.Context(), p.tenant, f)
			if err != nil {
				t.Fatalf("Leads: %v", err)
			}
			seen := map[followup.LeadID]int{}
			for _, l := range leads {
				seen[l.ID]++
			}
			for _, id := range stay {
				if seen[id] != 1 {
					t.Fatalf("a lead that stays: got it listed %d times, want once", seen[id])
				}
			}
			if total < len(leads) || total > many {
				t.Errorf("total: got %d, want between the %d listed and %d", total, len(leads), many)
			}
		})
	}
}

// TestListingOfOneInstant searches more leads of one millisecond than are read at once.
func TestListingOfOneInstant(t *testing.T) {
	t.Parallel()
	s := openStore(t, Params{Client: redistest.Start(t).Client()})
	p := newParty()
	last := mustResolve(t, s, p, followup.Identity{Phone: "5511900000000"}, epoch)
	for i := range 2*scanPage + 1 {
		last = min(last, mustResolve(t, s, p, followup.Identity{Phone: fmt.Sprint(5_511_900_000_001 + i)}, epoch))
	}
	l, err := s.Lead(t.Context(), p.tenant, last)
	if err != nil {
		t.Fatalf("Lead: %v", err)
	}
	l.Name = "Ana"
	if _, err := s.PutLead(t.Context(), followup.PutLead{Lead: l, Now: epoch, Real: epoch}); err != nil {
		t.Fatalf("PutLead: %v", err)
	}
	leads, total, err := s.Leads(t.Context(), p.tenant, followup.LeadFilter{Name: "ana", Limit: 5})
	if err != nil || total != 1 || len(leads) != 1 || leads[0].ID != last {
		t.Errorf("Leads: got %d leads of %d, %v, want the last", len(leads), total, err)
	}
}

// TestListingCountsItsPage has a lead come while a page is read. The total must agree with the
// page.
func TestListingCountsItsPage(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, Params{Client: server.Client()})
	for _, after := range []string{"zcard", "zrevrange"} {
		p := newParty()
		client := server.Client()
		other := openStore(t, Params{Client: client})
		client.AddHook(&afterReading{command: after, do: func() { mustResolve(t, s, p, followup.Identity{Phone: "5511900000001"}, epoch) }})
		leads, total, err := other.Leads(t.Context(), p.tenant, followup.LeadFilter{Limit: 5})
		if err != nil || total != len(leads) {
			t.Errorf("a lead that comes after %s: got %d leads of %d, %v, want them equal", after, len(leads), total, err)
		}
	}
}

// afterReading is a client hook that calls do once, after a command of that name or a pipeline of
// at least that many commands.
type afterReading struct {
	command string
	many    int
	do      func()
	done    bool
}

func (a *afterReading) after(here bool) {
	if here && !a.done {
		a.done = true
		a.do()
	}
}

func (a *afterReading) DialHook(next redis.DialHook) redis.DialHook { return next }

func (a *afterReading) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		a.after(strings.EqualFold(cmd.Name(), a.command))
		return err
	}
}

func (a *afterReading) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		named := slices.ContainsFunc(cmds, func(c redis.Cmder) bool { return strings.EqualFold(c.Name(), a.command) })
		a.after(named || a.many > 0 && len(cmds) >= a.many)
		return err
	}
}

// TestI7SearchDatesTheMergeItFinishes searches for the phone of a lead whose merge stopped half
// way. The search finishes the merge, and what it changes must have the search's time.
func TestI7SearchDatesTheMergeItFinishes(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx, p := t.Context(), newParty()
	s := openStore(t, Params{Client: server.Client()})
	both := followup.Identity{Phone: "15550100001", UserID: "US.1"}
	older := mustResolve(t, s, p, followup.Identity{UserID: both.UserID}, epoch.Add(-time.Minute))
	p.start(t, s, older, "c")
	younger := mustResolve(t, s, p, followup.Identity{Phone: both.Phone}, epoch)
	l, err := s.Lead(ctx, p.tenant, younger)
	if err != nil {
		t.Fatal(err)
	}
	l.OptedOut = true
	if _, err := s.PutLead(ctx, followup.PutLead{Lead: l, Now: epoch, Real: epoch}); err != nil {
		t.Fatal(err)
	}
	dieResolving(t, server, mergeInScript, p.tenant, both, epoch)

	now := epoch.Add(time.Hour)
	found, _, err := openStore(t, Params{Client: server.Client()}).Leads(ctx, p.tenant,
		followup.LeadFilter{Phone: both.Phone, Limit: 1, Now: now})
	if err != nil || len(found) != 1 || !found[0].UpdatedAt.Equal(now) {
		t.Errorf("found: got %+v, %v, want the winner, updated at the search's time", found, err)
	}
	runs, err := s.Runs(ctx, p.tenant, older)
	if err != nil || len(runs) != 1 || !runs[0].EndedAt.Equal(now) {
		t.Errorf("runs: got %+v, %v, want one that ended at the search's time", runs, err)
	}
}
