package leads_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/fault"
)

// asFault reports whether err is a fault, and sets to to it.
func asFault(err error, to **fault.Error) bool { return errors.As(err, to) }

// TestStatusIsTheTrigger: a change into a trigger status starts a run, and restarts a live one. The
// same status again does nothing. Any other status, or none, ends the run.
func TestStatusIsTheTrigger(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.config()
	v := h.create(`{"name":"Ana","phone":"+5511912345678","channel_id":"` + string(spare) + `","status_id":"` + archived + `"}`)
	if runs := h.live(v.ID); len(runs) != 0 {
		t.Fatalf("created in another status: got %d runs, want none", len(runs))
	}
	set := func(status string) {
		t.Helper()
		h.Advance(time.Minute)
		if err := h.update(string(v.ID), `{"status_id":`+status+`}`); err != nil {
			t.Fatalf("update: %v", err)
		}
	}

	set(`"` + quoted + `"`)
	runs := h.live(v.ID)
	if len(runs) != 1 || runs[0].Config != c.ID || runs[0].Channel != spare || !runs[0].DueAt.Equal(h.Now().Add(30*time.Minute)) {
		t.Fatalf("into a trigger: got %+v, want one run on the lead's channel, due in 30 min", runs)
	}
	if l, err := h.Store.Ladder(h.Ctx(), acme, runs[0].Ladder); err != nil || len(l.Steps) != 1 {
		t.Errorf("ladder of the run: got %v, error %v, want one step", l, err)
	}
	first := runs[0].ID

	set(`"` + quoted + `"`)
	if runs = h.live(v.ID); len(runs) != 1 || runs[0].ID != first {
		t.Errorf("same status again: got %+v, want the run untouched", runs)
	}
	set(`"` + waiting + `"`)
	if runs = h.live(v.ID); len(runs) != 1 || runs[0].ID == first {
		t.Errorf("into another trigger: got %+v, want a new run", runs)
	}
	set(`"` + archived + `"`)
	if runs = h.live(v.ID); len(runs) != 0 {
		t.Errorf("out of the triggers: got %+v, want none", runs)
	}
	set(`"` + quoted + `"`)
	set(`null`)
	if runs = h.live(v.ID); len(runs) != 0 {
		t.Errorf("no status: got %+v, want none", runs)
	}
	if got := h.count(followup.Restarted); got != 1 {
		t.Errorf("steps counted as restarted: got %v, want 1", got)
	}
	if got := h.count(followup.StatusLeft); got != 2 {
		t.Errorf("steps counted as status_left: got %v, want 2", got)
	}
	if got := h.Armed(); got != 3 {
		t.Errorf("got %d wake-ups, want 3, one per run started", got)
	}
}

// planless is a store whose configs cannot be read.
type planless struct{ followup.Store }

func (planless) ConfigByAssistant(context.Context, followup.TenantID, followup.AssistantID) (followup.Config, error) {
	return followup.Config{}, errors.New("store away")
}

// TestI8StatusIsNotWrittenWithoutItsRun: while it cannot be said which run a status starts, the status
// is not written. The same update later would otherwise be no change, and start none.
func TestI8StatusIsNotWrittenWithoutItsRun(t *testing.T) {
	t.Parallel()
	store := memstore.New()
	h, away := houseOn(t, store), houseOn(t, planless{store})
	h.config()
	v := h.create(`{"name":"Ana","phone":"+5511912345678"}`)
	into := `{"status_id":"` + quoted + `"}`
	if err := away.update(string(v.ID), into); err == nil {
		t.Error("while configs cannot be read: got no error, want one")
	}
	if err := h.update(string(v.ID), into); err != nil || len(h.live(v.ID)) != 1 {
		t.Errorf("later: got error %v, %d live runs, want one run", err, len(h.live(v.ID)))
	}
}

// TestCreateInTriggerStatusStartsRun: creating a lead in a trigger status starts a run, unless the
// lead has opted out.
func TestCreateInTriggerStatusStartsRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config()
	v := h.create(`{"name":"Ana","phone":"+5511912345678","status_id":"` + quoted + `"}`)
	if runs := h.live(v.ID); len(runs) != 1 || runs[0].Channel != front {
		t.Errorf("got %+v, want one run on the assistant's first channel", runs)
	}
	v = h.create(`{"name":"Bo","phone":"+5511912345679","status_id":"` + quoted + `","opted_out":true}`)
	if runs := h.live(v.ID); len(runs) != 0 {
		t.Errorf("opted out: got %+v, want none", runs)
	}
}

// TestOptOutEndsTheRun: setting opted_out ends the lead's run.
func TestOptOutEndsTheRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config()
	v := h.create(`{"name":"Ana","phone":"+5511912345678","status_id":"` + quoted + `"}`)
	if err := h.update(string(v.ID), `{"opted_out":true}`); err != nil {
		t.Fatalf("update: %v", err)
	}
	if runs := h.live(v.ID); len(runs) != 0 || h.count(followup.OptedOut) != 1 {
		t.Errorf("got live runs %+v and %v counted as opted_out, want none and 1", runs, h.count(followup.OptedOut))
	}
}

// TestI8HundredConcurrentTriggersMakeOneRun: after a hundred concurrent updates in two processes,
// each with a trigger status, one run is live and every other was restarted.
func TestI8HundredConcurrentTriggersMakeOneRun(t *testing.T) {
	t.Parallel()
	store := memstore.New()
	one, two := houseOn(t, store), houseOn(t, store)
	one.config()
	v := one.create(`{"name":"Ana","phone":"+5511912345678"}`)
	var wg sync.WaitGroup
	errs := make([]error, 100)
	for i := range errs {
		h, status := one, quoted
		if i%2 == 1 {
			h = two
		}
		if i%4 > 1 {
			status = waiting
		}
		wg.Go(func() { errs[i] = h.update(string(v.ID), fmt.Sprintf(`{"status_id":%q,"company":"c%d"}`, status, i)) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("trigger %d: %v", i, err)
		}
	}
	if runs := one.live(v.ID); len(runs) != 1 {
		t.Errorf("got %d live runs, want 1", len(runs))
	}
	all, err := store.Runs(one.Ctx(), acme, v.ID)
	if err != nil {
		t.Fatal(err)
	}
	ended := one.count(followup.Restarted) + two.count(followup.Restarted)
	if int(ended) != len(all)-1 {
		t.Errorf("got %v of %d runs counted as restarted, want all but one", ended, len(all))
	}
}

// TestI3CutOverWindow: last_inbound_at opens the channel's window from that time. It never moves
// the window back, and a time in the future counts as now.
func TestI3CutOverWindow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.create(`{"name":"Ana","phone":"+5511912345678","channel_id":"` + string(front) + `"}`)
	at := func(s string) {
		t.Helper()
		if err := h.update(string(v.ID), `{"last_inbound_at":"`+s+`"}`); err != nil {
			t.Fatalf("update: %v", err)
		}
	}
	closes := func(open bool, want string) {
		t.Helper()
		w := h.get(v.ID).Windows
		if len(w) != 1 || w[0].Open != open || w[0].ClosesAt.Format(time.RFC3339) != want {
			t.Errorf("got %s, want open %v, closing %s", backendtest.JSON(t, w), open, want)
		}
	}
	at("2026-02-20T08:00:00Z")
	closes(false, "2026-02-21T08:00:00Z")
	at("2026-03-02T08:00:00-01:00")
	closes(true, "2026-03-03T09:00:00Z")
	h.Advance(time.Hour)
	at("2026-03-02T03:00:00Z") // does not move the window back
	closes(true, "2026-03-03T09:00:00Z")
	at("2027-01-01T00:00:00Z") // the future counts as now
	closes(true, "2026-03-03T10:00:00Z")
	h.Advance(24 * time.Hour)
	closes(false, "2026-03-03T10:00:00Z")
	at("2026-03-03T09:30:00Z")
	closes(true, "2026-03-04T09:30:00Z")
}
