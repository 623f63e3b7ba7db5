package redisstore

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// mustCreate creates an active config for the party's assistant.
func (p party) mustCreate(t *testing.T, s *Store) followup.Config {
	t.Helper()
	c := followup.Config{
		ID: followup.ConfigID(uuid.NewString()), TenantID: p.tenant, AssistantID: p.assistant,
		IsActive: true, CreatedAt: epoch, UpdatedAt: epoch,
	}
	if err := s.CreateConfig(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// setActive switches the config on or off, as the n-th change of it.
func setActive(t *testing.T, s *Store, c followup.Config, active bool, n int) ([]followup.Ended, error) {
	t.Helper()
	prev := epoch.Add(time.Duration(n-1) * time.Second)
	c.IsActive, c.UpdatedAt = active, prev.Add(time.Second)
	return s.UpdateConfig(t.Context(), c, prev, epoch, epoch.Add(time.Duration(n)*time.Second))
}

// TestI7ReactivatedConfigRevivesNoRun switches a config off, dies before that is done, and switches
// the config on again. The runs that were left must end before the config is active.
func TestI7ReactivatedConfigRevivesNoRun(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for where, known := range map[string]bool{"before the guards know": false, "before the runs end": true} {
		t.Run(where, func(t *testing.T) {
			s, p := openStore(t, Params{Client: server.Client()}), newParty()
			c := p.mustCreate(t, s)
			run := p.start(t, s, mustResolve(t, s, p, followup.Identity{Phone: "15550100081"}, epoch), c.ID)
			dying := server.Client()
			dying.AddHook(crashBefore(endScript))
			if _, err := setActive(t, openStore(t, Params{Client: dying}), c, false, 1); !errors.Is(err, errCrash) {
				t.Fatalf("UpdateConfig: got %v, want the crash", err)
			}
			for i := range s.partitions {
				if !known {
					s.db.HDel(t.Context(), tagOf(i).control(), controlConfig(c.ID))
				}
			}
			ended, err := setActive(t, s, c, true, 2)
			if want := (followup.Ended{Run: run, Step: 1, Reason: followup.ConfigOff}); err != nil || len(ended) != 1 || ended[0] != want {
				t.Errorf("UpdateConfig: got %v, %v, want %v", ended, err, want)
			}
			if b := claimSteps(t, s); len(b.Steps) != 0 {
				t.Errorf("claimed of the old run: got %d steps, want none", len(b.Steps))
			}
			p.start(t, s, mustResolve(t, s, p, followup.Identity{Phone: "15550100082"}, epoch), c.ID)
			if b := claimSteps(t, s); len(b.Steps) != 1 {
				t.Errorf("claimed of the new run: got %d steps, want 1", len(b.Steps))
			}
		})
	}
}

// TestI7NewRunOfReactivatedConfigGoesOn: a call that switched a config off is slow to end the
// config's runs. Meanwhile the config is switched on again and a new run starts, which that call
// must leave alone.
func TestI7NewRunOfReactivatedConfigGoesOn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s, p := openStore(t, Params{Client: server.Client()}), newParty()
	c := p.mustCreate(t, s)
	lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100083"}, epoch)
	first := p.start(t, s, lead, c.ID)
	late, since := server.Client(), followup.RunID("")
	late.AddHook(meanwhile(endScript, func() {
		if _, err := setActive(t, s, c, true, 2); err != nil {
			t.Error(err)
		}
		for s.partition(lead) != s.partitions-1 { // the partition that UpdateConfig comes to last
			lead = mustResolve(t, s, p, followup.Identity{Phone: "1555" + uuid.NewString()[:4]}, epoch)
		}
		since = p.start(t, s, lead, c.ID)
	}))
	ended, err := setActive(t, openStore(t, Params{Client: late}), c, false, 1)
	if err != nil || len(ended) != 0 {
		t.Errorf("UpdateConfig: got %v, %v, want nothing left to end", ended, err)
	}
	if r, err := s.Run(t.Context(), p.tenant, first); err != nil || r.Reason != followup.ConfigOff {
		t.Errorf("the old run: got %s %s, %v, want it ended", r.State, r.Reason, err)
	}
	if r, err := s.Run(t.Context(), p.tenant, since); err != nil || r.State != followup.RunArmed {
		t.Errorf("the new run: got %s, %v, want it armed", r.State, err)
	}
}

// TestI7InterruptedDeleteIsFinishedByTheNext kills a deletion at several points and deletes again.
// The second call must end the config's remaining runs, and only a call that finds none left may
// answer that there is no such config.
func TestI7InterruptedDeleteIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for _, row := range []struct {
		where string
		known bool
		call  int // the call of endScript that the process dies at; a run takes two, the first to ask for its assistant
		ended int
	}{
		{"before the guards know", false, 1, 0},
		{"before the runs end", true, 1, 0},
		{"between two runs", true, 3, 1},
	} {
		t.Run(row.where, func(t *testing.T) {
			s, p := openStore(t, Params{Client: server.Client()}), newParty()
			c := p.mustCreate(t, s)
			var runs []followup.RunID
			for i := range 3 {
				lead := mustResolve(t, s, p, followup.Identity{Phone: fmt.Sprint("1555010008", i)}, epoch)
				runs = append(runs, p.start(t, s, lead, c.ID))
			}
			remove := func(s *Store, tenant followup.TenantID) ([]followup.Ended, error) {
				return s.DeleteConfig(t.Context(), tenant, c.ID, false, epoch, epoch.Add(time.Second))
			}
			dying := server.Client()
			dying.AddHook(crashAt(endScript, row.call))
			first, err := remove(openStore(t, Params{Client: dying}), p.tenant)
			if !errors.Is(err, errCrash) || len(first) != row.ended {
				t.Fatalf("DeleteConfig: got %v, %v, want %d ended and the crash", first, err, row.ended)
			}
			for i := range s.partitions {
				if !row.known {
					s.db.HDel(t.Context(), tagOf(i).control(), controlConfig(c.ID))
				}
			}
			if _, err := remove(s, newParty().tenant); !errors.Is(err, followup.ErrNotFound) {
				t.Errorf("DeleteConfig by another tenant: got %v, want ErrNotFound", err)
			}
			rest, err := remove(s, p.tenant)
			if err != nil || len(first)+len(rest) != len(runs) {
				t.Errorf("DeleteConfig again: got %v, %v, want those of the %d runs that are not in %v", rest, err, len(runs), first)
			}
			for _, id := range runs {
				if r, err := s.Run(t.Context(), p.tenant, id); err != nil || r.Reason != followup.ConfigGone {
					t.Errorf("run: got %q, %v, want config_deleted", r.Reason, err)
				}
			}
			if _, err := remove(s, p.tenant); !errors.Is(err, followup.ErrNotFound) {
				t.Errorf("DeleteConfig when no run is left: got %v, want ErrNotFound", err)
			}
		})
	}
}
