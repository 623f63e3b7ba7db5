package relay

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
)

// frozenStore is a store that simulates a process that stands still. It calls stop once, before it
// answers the first claim that returns a delivery. In stop, another replica does all the work there
// is.
type frozenStore struct {
	*memstore.Store

	once sync.Once
	stop func()
}

func (s *frozenStore) ClaimDeliveries(
	ctx context.Context, c followup.ClaimDeliveries,
) ([]followup.Delivery, time.Duration, error) {
	out, next, err := s.Store.ClaimDeliveries(ctx, c)
	if len(out) > 0 {
		s.once.Do(s.stop)
	}
	return out, next, err
}

// TestI9NoDeliveryAfterLease: if a process stands still between a claim and its request for longer
// than the lease, it must not deliver. Another replica has delivered those events by then, and
// newer ones too.
func TestI9NoDeliveryAfterLease(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var stood time.Duration
	real := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(stood)
	}
	s := &frozenStore{Store: memstore.New()}
	a := newAssistant(t, nil)
	var other []string
	s.stop = func() {
		mu.Lock()
		stood = time.Hour
		mu.Unlock()
		for _, id := range []string{"first", "second"} {
			if id == "second" {
				events(t, s.Store, assistantID(1), "15550100001", 2, 1)
			}
			out, _, err := s.Store.ClaimDeliveries(t.Context(), followup.ClaimDeliveries{
				Real: real(), Limit: 1, MaxEvents: 10, MaxBytes: 1 << 20, Lease: time.Minute,
			})
			if err != nil || len(out) != 1 {
				t.Errorf("the other replica's %s claim: got %d deliveries (%v), want 1", id, len(out), err)
				return
			}
			for _, e := range out[0].Events {
				other = append(other, string(e.Value))
			}
			if err := s.FinishDelivery(t.Context(), followup.FinishDelivery{Delivery: out[0], Delivered: true, Real: real()}); err != nil {
				t.Error(err)
			}
		}
	}
	events(t, s.Store, assistantID(1), "15550100001", 1, 1)
	r := newRelay(t, s, func(p *Params) { p.Real = real }, a.url)
	for count(r, outcomeStale)+count(r, outcomeDelivered) == 0 {
		select {
		case got := <-a.got:
			t.Fatalf("got %v delivered after the other replica had delivered %v, want nothing", got.changes(t), other)
		case <-t.Context().Done():
			t.Fatal("the claim was not finished")
		case <-time.After(time.Millisecond):
		}
	}
	if want := []string{"1", "2"}; !slices.Equal(other, want) {
		t.Errorf("the other replica delivered %v, want %v", other, want)
	}
	events(t, s.Store, assistantID(1), "15550100001", 3, 1)
	r.Wake()
	if got, want := a.next(t).changes(t), []string{"3"}; !slices.Equal(got, want) {
		t.Errorf("next delivery: got %v, want %v", got, want)
	}
}

// TestI9NoTryThatOutlastsTheLease: if a process stands still after a claim for so long that a try
// could outlast the lease, the try is not begun and the delivery is given back. If a try still fits
// in, it is made.
func TestI9NoTryThatOutlastsTheLease(t *testing.T) {
	t.Parallel()
	for stood, released := range map[time.Duration]float64{
		finishWithin + leaseMargin - time.Second: 0, finishWithin + leaseMargin + time.Second: 1,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &frozenStore{Store: memstore.New(), stop: func() { time.Sleep(stood) }}
			events(t, s.Store, assistantID(1), "15550100001", 1, 1)
			r, w := bubble(t, s, answerWith(func(time.Duration) int { return http.StatusOK }))
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := count(r, outcomeReleased); got != released || count(r, outcomeDelivered) != 1 || len(w.tryTimes()) != 1 {
				t.Errorf("stood still for %v: got %v given back, then %v delivered in tries at %v, want %v, then 1 in one try",
					stood, got, count(r, outcomeDelivered), w.tryTimes(), released)
			}
		})
	}
}
