package relay

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup/memstore"
)

// TestI10AssistantMovedToAnotherTenant: if the operator's file gives an assistant to another
// tenant, the new tenant must see nothing of what waits for the assistant. Those events wait as
// they would for a missing assistant, and the new tenant's own events do not wait with them.
func TestI10AssistantMovedToAnotherTenant(t *testing.T) {
	t.Parallel()
	const leads = 2 * breakerFailures
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		phone := func(i int) string { return "155501000" + string(rune('a'+i)) }
		for i := range leads {
			eventsOf(t, s, tenantID(1), assistantID(1), phone(i), 1, 1)
		}
		r, w := bubble(t, s, answerWith(func(time.Duration) int { return http.StatusOK }), func(p *Params) {
			p.Directory = owned(nil, []int{1})
		})
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(w.tryTimes()); n != 0 {
			t.Fatalf("got %d requests with events of another tenant, want none", n)
		}
		eventsOf(t, s, tenantID(2), assistantID(1), "15550200001", 1, 1)
		r.Wake()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(w.tryTimes()); n != 1 || count(r, outcomeDelivered) != 1 {
			t.Errorf("got %d requests and %v delivered, want one of each: the new tenant's event", n, count(r, outcomeDelivered))
		}
		time.Sleep(giveUpAfter + maxRetry)
		synctest.Wait()
		if _, n, err := s.DeadLetters(t.Context(), tenantID(1), 1, 0); err != nil || n != leads || len(w.tryTimes()) != 1 {
			t.Errorf("a day later: got %d dead letters (%v) and %d requests, want %d dead letters and still one request", n, err, len(w.tryTimes()), leads)
		}
	})
}
