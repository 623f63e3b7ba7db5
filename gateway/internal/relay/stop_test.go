package relay

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
)

// TestStopGivesBack: what is in flight when the patience of Stop ends is given
// back without counting a try, and stays the delivery that the assistant may
// have got.
func TestStopGivesBack(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	arrived, hang := make(chan string, 1), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- r.Header.Get("webhook-id")
		<-hang
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(hang) })
	events(t, s, assistantID(1), "15550100001", 1, 1)
	r := newRelay(t, s, nil, srv.URL)
	id := <-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Stop(ctx); err != nil {
		t.Errorf("stop: got %v, want nil", err)
	}
	d, _, err := s.ClaimDeliveries(t.Context(), followup.ClaimDeliveries{Real: time.Now(), Limit: 1, MaxEvents: 1, Lease: time.Minute})
	if err != nil || len(d) != 1 || d[0].Attempts != 0 || d[0].ID != id {
		t.Errorf("got %+v (%v), want the delivery %s without tries", d, err, id)
	}
	if got := count(r, outcomeReleased); got != 1 {
		t.Errorf("got %v released, want 1", got)
	}
}

// TestStopFinishesInFlight: within its patience Stop waits for answers.
func TestStopFinishesInFlight(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	arrived, release := make(chan struct{}), make(chan struct{})
	a := newAssistant(t, func(int, http.ResponseWriter, request) { close(arrived); <-release })
	events(t, s, assistantID(1), "15550100001", 1, 1)
	r := newRelay(t, s, nil, a.url)
	<-arrived
	stopped := make(chan error)
	go func() { stopped <- r.Stop(context.WithoutCancel(t.Context())) }()
	close(release)
	if err := <-stopped; err != nil {
		t.Errorf("stop: got %v, want nil", err)
	}
	if got := count(r, outcomeDelivered); got != 1 {
		t.Errorf("got %v delivered, want 1", got)
	}
}

// blinking fails the first results it is told.
type blinking struct {
	Store
	mu    sync.Mutex
	fails int
}

func (b *blinking) FinishDelivery(ctx context.Context, f followup.FinishDelivery) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails > 0 {
		b.fails--
		return errors.New("store away")
	}
	return b.Store.FinishDelivery(ctx, f)
}

func TestResultSurvivesABlinkOfTheStore(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	a := newAssistant(t, nil)
	events(t, s, assistantID(1), "15550100001", 1, 1)
	r := newRelay(t, &blinking{Store: s, fails: 2}, nil, a.url)
	waitFor(t, func() bool { return count(r, outcomeDelivered) == 1 })
	if n := len(a.got); n != 1 {
		t.Errorf("got %d deliveries, want 1", n)
	}
}
