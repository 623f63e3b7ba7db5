package relay

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup/memstore"
)

// hangs is longer than the time-out of a try.
const hangs = time.Hour

// TestI9SlowAssistant: an assistant that never answers occupies only its own slots. It delays no
// other assistant, be it of the same tenant or of another one.
func TestI9SlowAssistant(t *testing.T) {
	t.Parallel()
	const leads = 100
	for name, c := range map[string]struct {
		concurrency int
		tenants     [][]int
	}{
		"of another tenant":  {16, [][]int{{1}, {2}}},
		"of the same tenant": {32, [][]int{{1, 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				for i := range leads {
					eventsOf(t, s, ownerOf(1, c.tenants...), assistantID(1), fmt.Sprintf("1555010%04d", i), 1, 1)
					eventsOf(t, s, ownerOf(2, c.tenants...), assistantID(2), fmt.Sprintf("1555020%04d", i), 1, 1)
				}
				var slow atomic.Int32
				r, _ := bubble(t, s, func(of string, _ time.Duration) reply {
					if of == host(1) {
						slow.Add(1)
						return reply{takes: hangs}
					}
					return reply{status: http.StatusOK}
				}, func(p *Params) {
					endpoint(p, 2)
					p.Concurrency, p.PerAssistant, p.Directory = c.concurrency, 8, owned(c.tenants...)
				})
				time.Sleep(r.p.Timeout - time.Second)
				synctest.Wait()
				if got := count(r, outcomeDelivered); got != leads {
					t.Errorf("got %v delivered while the other assistant hangs, want %d", got, leads)
				}
				if n := slow.Load(); n < 1 || n > 8 {
					t.Errorf("got %d requests at the slow assistant, want 1 to 8", n)
				}
			})
		})
	}
}

// TestI9SideBySide: conversations are delivered in parallel, up to the bound of their assistant.
// The events of one conversation are delivered one after the other.
func TestI9SideBySide(t *testing.T) {
	t.Parallel()
	const leads, per, each = 12, 8, 3
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		for i := range leads {
			events(t, s, assistantID(1), fmt.Sprintf("1555010%04d", i), 1, each)
		}
		_, w := bubble(t, s, func(string, time.Duration) reply {
			return reply{status: http.StatusOK, takes: time.Second}
		}, func(p *Params) { p.MaxEvents, p.PerAssistant = 1, per })
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if got := len(w.tryTimes()); got != per {
			t.Errorf("got %d tries at once, want %d", got, per)
		}
		time.Sleep(leads * each / per * 2 * time.Second)
		synctest.Wait()
		if st, err := s.Stats(t.Context(), start, time.Now()); err != nil || st.RelayPending != 0 || len(w.tryTimes()) != leads*each {
			t.Errorf("got %d conversations waiting (%v) after %d tries, want none after one try for each event", st.RelayPending, err, len(w.tryTimes()))
		}
	})
}

// TestI9TenantThatHangs: a tenant with many assistants that never answer, and with more events
// waiting for each than it has slots, does not delay another tenant's delivery.
func TestI9TenantThatHangs(t *testing.T) {
	t.Parallel()
	const assistants, leads, calm = 40, 20, 41
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		var noisy []int
		for n := 1; n <= assistants; n++ {
			noisy = append(noisy, n)
			for i := range leads {
				eventsOf(t, s, tenantID(1), assistantID(n), fmt.Sprintf("15%03d01%04d", n, i), 1, 1)
			}
		}
		r, w := bubble(t, s, func(of string, _ time.Duration) reply {
			if of == host(calm) {
				return reply{status: http.StatusOK}
			}
			return reply{takes: hangs}
		}, func(p *Params) {
			p.Directory = owned(noisy, []int{calm})
			for n := 1; n <= calm; n++ {
				endpoint(p, n)
			}
		})
		// This lasts over three time-outs. At first all assistants of the noisy tenant hang; later
		// their breakers allow one try each.
		for i := range 30 {
			time.Sleep(time.Second)
			synctest.Wait()
			before := len(w.tryTimes())
			eventsOf(t, s, tenantID(2), assistantID(calm), fmt.Sprintf("1599901%04d", i), 1, 1)
			r.Wake()
			time.Sleep(20 * time.Millisecond) // long enough for a few turns of the poller, much shorter than a time-out
			synctest.Wait()
			if got := count(r, outcomeDelivered); got != float64(i+1) {
				t.Fatalf("got %v delivered to the calm tenant after %v and %d tries at all, want %d", got, time.Since(w.begin), before, i+1)
			}
		}
	})
}
