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

// TestStopReleasesInFlight: what is in flight when the patience of Stop ends is given
// back without counting a try, and stays the delivery that the assistant may
// have got.
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

func TestResultIsRecordedAfterStoreErrors(t *testing.T) {
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

// sluggish is a store whose claims are answered when told so, and whose results
// take a second to record.
type sluggish struct {
	Store
	claiming, answer chan struct{}
}

func (s *sluggish) ClaimDeliveries(ctx context.Context, c followup.ClaimDeliveries) ([]followup.Delivery, time.Duration, error) {
	out, next, err := s.Store.ClaimDeliveries(ctx, c)
	close(s.claiming)
	<-s.answer
	if ctx.Err() != nil { // a client that was told to give up does not hear what it claimed
		return nil, 0, ctx.Err()
	}
	return out, next, err
}

func (s *sluggish) FinishDelivery(ctx context.Context, f followup.FinishDelivery) error {
	time.Sleep(time.Second)
	return s.Store.FinishDelivery(ctx, f)
}

// TestStopReleasesLateClaim: what a claim brings while the relay stops goes
// back unspent, all at once.
func TestStopReleasesLateClaim(t *testing.T) {
	t.Parallel()
	const leads = 20
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		for i := range leads {
			events(t, s, assistantID(1), fmt.Sprintf("1555010%04d", i), 1, 1)
		}
		slow := &sluggish{Store: s, claiming: make(chan struct{}), answer: make(chan struct{})}
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
			t.Errorf("got %v until all were given back, want the second that one takes", took)
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
