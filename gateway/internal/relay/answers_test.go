package relay

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
)

// Exactly the answers from 200 to 299 say that a delivery arrived.
func TestDelivered(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{101: false, 199: false, 200: true, 299: true, 300: false, 304: false, 0: false} {
		if got := (answer{status: status}).delivered(); got != want {
			t.Errorf("%d: got %v, want %v", status, got, want)
		}
	}
	if (answer{status: 200, trouble: "timeout"}).delivered() {
		t.Error("200 with trouble: got delivered, want not")
	}
}

// notingStore keeps the results that it is told.
type notingStore struct {
	*memstore.Store

	results []followup.FinishDelivery
}

func (s *notingStore) FinishDelivery(ctx context.Context, f followup.FinishDelivery) error {
	s.results = append(s.results, f)
	return s.Store.FinishDelivery(ctx, f)
}

// A delivery that was not allowed is given back at the time it is by then.
func TestGivenBackNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &notingStore{Store: memstore.New()}
		r, _ := bubble(t, s, answerWith(func(time.Duration) int { return 200 }))
		synctest.Wait() // the poller sleeps
		r.deliver(followup.Delivery{Assistant: assistantID(1)}, time.Now(), nil, false)
		if len(s.results) != 1 || !s.results[0].Release || s.results[0].Seen || !s.results[0].Real.Equal(time.Now()) {
			t.Errorf("got %+v, want one release, unseen, of now", s.results)
		}
	})
}

// A try that was not made, or that says nothing about the assistant, is told to the breaker as such:
// a breaker that waits for its trial would otherwise wait for ever.
func TestTryThatSaysNothing(t *testing.T) {
	t.Parallel()
	valid, malformed := followup.RelayEvent{Field: "messages", Value: []byte(`{}`)}, followup.RelayEvent{Field: "messages", Value: []byte(`{`)}
	for name, c := range map[string]struct {
		events []followup.RelayEvent
		tenant followup.TenantID
		late   time.Duration
		want   followup.FinishDelivery
	}{
		"late":             {[]followup.RelayEvent{valid}, tenantID(1), time.Second, followup.FinishDelivery{Release: true, Seen: true}},
		"malformed":        {[]followup.RelayEvent{malformed}, tenantID(1), 0, followup.FinishDelivery{Dead: "malformed event"}},
		"one is malformed": {[]followup.RelayEvent{valid, malformed}, tenantID(1), 0, followup.FinishDelivery{Split: true}},
		"another tenant's": {[]followup.RelayEvent{valid}, tenantID(2), 0, followup.FinishDelivery{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &notingStore{Store: memstore.New()}
				r, w := bubble(t, s, answerWith(func(time.Duration) int { return 200 }), func(p *Params) { p.Directory = owned([]int{1}) })
				synctest.Wait() // the poller sleeps
				var told []error
				d := followup.Delivery{Tenant: c.tenant, Assistant: assistantID(1), Channel: channel, Events: c.events}
				r.slots.take(d.Assistant)
				r.deliver(d, time.Now().Add(-c.late), func(err error) { told = append(told, err) }, true)
				if len(told) != 1 || told[0] != errStopped { //nolint:errorlint // passed as it is
					t.Errorf("told the breaker %v, want once that nothing is known", told)
				}
				if len(s.results) != 1 || len(w.tryTimes()) != 0 {
					t.Fatalf("got %d results after %d tries, want one and none", len(s.results), len(w.tryTimes()))
				}
				got := s.results[0]
				if got.Release != c.want.Release || got.Seen != c.want.Seen || got.Dead != c.want.Dead || got.Split != c.want.Split ||
					got.Delivered || !got.Real.Equal(time.Now()) {
					t.Errorf("got %+v, want %+v of now", got, c.want)
				}
			})
		})
	}
}

// A channel that has left the operator's file keeps its id.
func TestChannelThatLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := bubble(t, memstore.New(), answerWith(func(time.Duration) int { return 200 }))
		if got := r.channel(channel); got.ID != channel {
			t.Errorf("got %+v, want the id alone", got)
		}
	})
}
