package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
)

// TestStopReleasesInFlight: when the context of Stop is done, Stop gives back what is in flight
// without counting a try. The delivery keeps its id, because the assistant may have got it.
func TestStopReleasesInFlight(t *testing.T) {
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
		t.Errorf("got %+v (%v), want delivery %s with no attempts", d, err, id)
	}
	if got := count(r, outcomeReleased); got != 1 {
		t.Errorf("got %v released, want 1", got)
	}
}

// TestStopFinishesInFlight: until its context is done, Stop waits for the answers.
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

// flakyStore fails to record the first results.
type flakyStore struct {
	Store
	mu    sync.Mutex
	fails int
}

func (s *flakyStore) FinishDelivery(ctx context.Context, f followup.FinishDelivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails > 0 {
		s.fails--
		return errors.New("store away")
	}
	return s.Store.FinishDelivery(ctx, f)
}

// TestResultIsRecordedAfterStoreErrors: if the store fails to record a result, the relay records it
// again and does not deliver again.
func TestResultIsRecordedAfterStoreErrors(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	a := newAssistant(t, nil)
	events(t, s, assistantID(1), "15550100001", 1, 1)
	r := newRelay(t, &flakyStore{Store: s, fails: 2}, nil, a.url)
	waitFor(t, func() bool { return count(r, outcomeDelivered) == 1 })
	if n := len(a.got); n != 1 {
		t.Errorf("got %d deliveries, want 1", n)
	}
}

// slowStore answers a claim only when the test closes answer, and takes a second to record a
// result.
type slowStore struct {
	Store
	claiming, answer chan struct{}
}

func (s *slowStore) ClaimDeliveries(ctx context.Context, c followup.ClaimDeliveries) ([]followup.Delivery, time.Duration, error) {
	out, next, err := s.Store.ClaimDeliveries(ctx, c)
	close(s.claiming)
	<-s.answer
	if ctx.Err() != nil { // as a real client: once it is cancelled, it does not learn what it claimed
		return nil, 0, ctx.Err()
	}
	return out, next, err
}

func (s *slowStore) FinishDelivery(ctx context.Context, f followup.FinishDelivery) error {
	time.Sleep(time.Second)
	return s.Store.FinishDelivery(ctx, f)
}

// TestStopReleasesLateClaim: if a claim is answered while the relay is stopping, all its deliveries
// are given back in parallel, without a try.
func TestStopReleasesLateClaim(t *testing.T) {
	t.Parallel()
	const leads = 20
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		for i := range leads {
			events(t, s, assistantID(1), fmt.Sprintf("1555010%04d", i), 1, 1)
		}
		slow := &slowStore{Store: s, claiming: make(chan struct{}), answer: make(chan struct{})}
		r, w := bubble(t, slow, answerWith(func(time.Duration) int { return http.StatusOK }),
			func(p *Params) { p.PerAssistant = leads })
		<-slow.claiming
		stopped := make(chan error)
		go func() { stopped <- r.Stop(context.WithoutCancel(t.Context())) }()
		synctest.Wait()
		began := time.Now()
		close(slow.answer)
		if err := <-stopped; err != nil {
			t.Errorf("stop: got %v, want nil", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("giving everything back took %v, want one second, as for a single delivery", took)
		}
		ds, _, err := s.ClaimDeliveries(t.Context(), followup.ClaimDeliveries{Real: time.Now(), Limit: 100, MaxEvents: 1, Lease: time.Minute})
		if err != nil || len(ds) != leads || len(w.tryTimes()) != 0 {
			t.Fatalf("got %d deliveries (%v) after tries at %v, want %d untried", len(ds), err, w.tryTimes(), leads)
		}
		for _, d := range ds {
			if d.Attempts != 0 {
				t.Errorf("got %d attempts, want none", d.Attempts)
			}
		}
	})
}
