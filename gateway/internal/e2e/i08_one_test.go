package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// live returns the runs that have not ended.
func live(runs []runView) []runView {
	var out []runView
	for _, r := range runs {
		if r.State != "ended" {
			out = append(out, r)
		}
	}
	return out
}

// TestI8OneLiveRun fires a hundred triggers of every kind at two processes. One run must be live
// afterwards, and all others must have been ended by a restart.
func TestI8OneLiveRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	a, b := w.start(), w.start()
	a.configure(nudge("PT30M"))
	const phone = "34600800100"
	w.says(user(phone), "hello")
	l := a.leadOf(phone)
	started := make([]bool, 100)
	atOnce(len(started), func(i int) {
		p := []*process{a, b}[i%2]
		switch i % 5 {
		case 0:
			started[i] = p.api(http.MethodPost, "/backend/followup/runs", object{"lead_id": l.ID}).status == http.StatusCreated
		case 1, 2:
			p.api(http.MethodPut, "/backend/leads/"+l.ID, object{"status_id": hot})
		default:
			p.api(http.MethodPut, "/backend/leads/"+l.ID, object{"status_id": warm})
		}
	})
	runs := decode[page[runView]](a.api(http.MethodGet, "/backend/followup/runs?limit=100&lead_id="+l.ID, nil).want(200)).Data
	if n := len(live(runs)); n != 1 {
		t.Errorf("live runs: got %d of %d, want 1", n, len(runs))
	}
	byHand := 0
	for _, ok := range started {
		if ok {
			byHand++
		}
	}
	if len(runs) < byHand || byHand == 0 {
		t.Errorf("runs: got %d, want at least the %d started by hand", len(runs), byHand)
	}
	for _, r := range runs {
		if got := r.String(); got != "armed 1:/" && got != "ended restarted 1:cancelled/restarted" {
			t.Errorf("run: got %v, want armed or restarted", r)
		}
	}
	if got := a.metric("wagate_followup_pending"); got != 1 {
		t.Errorf("wagate_followup_pending: got %v, want 1", got)
	}
	// All processes at once take the lead out of the trigger status: no live run is left.
	atOnce(20, func(i int) {
		[]*process{a, b}[i%2].api(http.MethodPut, "/backend/leads/"+l.ID, object{"status_id": cold})
	})
	if got := a.runs(l.ID); len(live(got)) != 0 {
		t.Errorf("live runs: got %v, want none", live(got))
	}
}

// TestI8CrashWhileTriggering kills the process and Redis in the middle of status changes.
// Afterwards a lead must have a trigger status if and only if it has a live run.
func TestI8CrashWhileTriggering(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	p.configure(nudge("PT30M"))
	var leads []lead
	for i := range 12 {
		phone := fmt.Sprintf("346008002%02d", i)
		w.says(user(phone), "hello")
		leads = append(leads, p.leadOf(phone))
	}
	var changes sync.WaitGroup
	enough := make(chan struct{}, 1000)
	for _, l := range leads {
		changes.Go(func() {
			for i := 0; ; i++ {
				status := []string{hot, cold, warm, cold}[i%4]
				if p.api(http.MethodPut, "/backend/leads/"+l.ID, object{"status_id": status}).status != 200 {
					return // the crash
				}
				select {
				case enough <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 100 {
		receive(t, "change of status", enough)
	}
	p.kill()
	w.redis.Kill()
	changes.Wait()
	w.redis.Restart()
	p = w.start()
	on := 0
	for _, l := range leads {
		l = decode[lead](p.get(p.public+"/backend/leads/"+l.ID, acmeKey).want(200))
		want := 0
		if l.StatusID != nil && (*l.StatusID == hot || *l.StatusID == warm) {
			want = 1
			on++
		}
		if got := len(live(p.runs(l.ID))); got != want {
			t.Errorf("live runs of a lead with status %v: got %d, want %d", *l.StatusID, got, want)
		}
	}
	if got := p.metric("wagate_followup_pending"); got != float64(on) {
		t.Errorf("wagate_followup_pending: got %v, want %d", got, on)
	}
}
