package relay

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"wagate/followup"
	"wagate/followup/memstore"
)

// TestDefaults: what Params leaves out is as its comments say.
func TestDefaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := bubble(t, memstore.New(), nil)
		if p := r.p; p.Timeout != 10*time.Second || p.Concurrency != 512 || p.PerAssistant != 16 || p.MaxEvents != 20 ||
			p.MaxBytes != 1<<20 || p.UserAgent != "wagate" {
			t.Errorf("got %+v, want what the comments say", p)
		}
	})
}

// TestMetricsFromStart: every outcome has its series before the first delivery, so that a rate can
// be computed from the start.
func TestMetricsFromStart(t *testing.T) {
	t.Parallel()
	m := newMetrics(prometheus.NewPedanticRegistry())
	if got := testutil.CollectAndCount(m.deliveries); got != 7 {
		t.Errorf("got %d series, want 7", got)
	}
}

// TestStartTwice: a relay that is started twice has one poller.
func TestStartTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &countingStore{Store: memstore.New()}
		r, _ := bubble(t, s, nil)
		synctest.Wait()
		r.Start()
		synctest.Wait()
		if n := s.claims.Load(); n != 1 {
			t.Errorf("got %d claims at once, want one", n)
		}
	})
}

// TestStartAfterStop: a relay that is stopped before it is started does not begin.
func TestStartAfterStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &countingStore{Store: memstore.New()}
		r, err := New(Params{
			Store: s, Directory: followup.NewDirectory(nil), Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewPedanticRegistry(),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Stop(t.Context()); err != nil {
			t.Errorf("stop: got %v, want nil", err)
		}
		r.Start()
		synctest.Wait()
		if n := s.claims.Load(); n != 0 {
			t.Errorf("got %d claims after the stop, want none", n)
			r.halt()
		}
	})
}

// TestStopLeavesNoConnection: once the relay has stopped, no connection to an assistant is left.
func TestStopLeavesNoConnection(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 1)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the connection is not used again anyway
	}))
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	s := memstore.New()
	events(t, s, assistantID(1), "15550100001", 1, 1)
	r := newRelay(t, s, nil, srv.URL)
	waitDrained(t, s)
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-time.After(patience):
		t.Errorf("got a connection open %v after the stop, want none", patience)
	}
}

// stuckStore does not answer when it is told a result, until answer is closed.
type stuckStore struct {
	Store
	answer chan struct{}
}

func (s *stuckStore) FinishDelivery(ctx context.Context, f followup.FinishDelivery) error {
	<-s.answer
	return s.Store.FinishDelivery(ctx, f)
}

// TestStopDoesNotWaitForEver: if a delivery is still out when Stop has cut it short, Stop returns
// an error with the cause, so that the rest of the program can stop.
func TestStopDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stuckStore{Store: memstore.New(), answer: make(chan struct{})}
		defer close(s.answer)
		events(t, s.Store.(*memstore.Store), assistantID(1), "15550100001", 1, 1) //nolint:errcheck,forcetypeassert // it is one
		r, _ := bubble(t, s, func(string, time.Duration) reply { return reply{takes: hangs} })
		synctest.Wait()
		over := errors.New("no more time")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(over)
		if err := r.Stop(ctx); !errors.Is(err, over) {
			t.Errorf("stop: got %v, want %v", err, over)
		}
	})
}

// troubledStore calls trouble before each claim. The claim fails with the error that it returns.
type troubledStore struct {
	*memstore.Store

	trouble func(ctx context.Context) error
}

func (s *troubledStore) ClaimDeliveries(
	ctx context.Context, c followup.ClaimDeliveries,
) ([]followup.Delivery, time.Duration, error) {
	if err := s.trouble(ctx); err != nil {
		return nil, 0, err
	}
	return s.Store.ClaimDeliveries(ctx, c)
}

// TestI9ClaimThatHangs: a claim that is never answered is given up, and the next one delivers.
func TestI9ClaimThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var once atomic.Bool
		s := &troubledStore{Store: memstore.New(), trouble: func(ctx context.Context) error {
			if once.Swap(true) {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		events(t, s.Store, assistantID(1), "15550100001", 1, 1)
		r, _ := bubble(t, s, answerWith(func(time.Duration) int { return http.StatusOK }))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != 1 {
			t.Errorf("got %v delivered a minute later, want 1", got)
		}
	})
}

// TestAlive: a relay whose claims fail is not alive.
func TestAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		s := &troubledStore{Store: memstore.New(), trouble: func(context.Context) error {
			if away.Load() {
				return errors.New("store away")
			}
			return nil
		}}
		r, _ := bubble(t, s, nil)
		for _, gone := range []bool{false, true, false} {
			away.Store(gone)
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := r.Alive(30 * time.Second); got == gone {
				t.Errorf("store away %v: got alive %v, want %v", gone, got, !gone)
			}
		}
	})
}
