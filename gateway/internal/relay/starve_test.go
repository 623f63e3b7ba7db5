package relay

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup/memstore"
)

// TestI9NobodyIsForgotten: breaker, hold and shares of too few slots together never starve an
// assistant for good. For an hour, all assistants of two tenants, and one that no tenant owns, fail
// at random, and one assistant hangs for ever. Once the others are well and the longest accepted
// Retry-After is over, every event for them must have been delivered. Even the assistant that hangs
// must still be tried.
func TestI9NobodyIsForgotten(t *testing.T) {
	t.Parallel()
	const (
		leads   = 6
		all     = 7 // assistants
		forever = 4 // hangs
		trouble = time.Hour
	)
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				random := rand.New(rand.NewPCG(seed, 0))
				whim := func() reply {
					mu.Lock()
					defer mu.Unlock()
					switch random.IntN(9) {
					case 0, 1:
						return reply{takes: hangs}
					case 2:
						return reply{status: http.StatusInternalServerError, takes: time.Second}
					case 3:
						return reply{status: http.StatusTooManyRequests, wait: time.Duration(random.IntN(300)) * time.Second}
					case 4:
						return reply{status: http.StatusServiceUnavailable, wait: 3 * time.Hour, takes: time.Second}
					case 5:
						panic("whim")
					case 6:
						return reply{status: http.StatusOK, takes: 9 * time.Second}
					}
					return reply{} // refuses the connection
				}
				s, tenants := memstore.New(), [][]int{{1, 2, 3, forever}, {5, 6}}
				var last atomic.Int64 // when the assistant that hangs was last tried
				_, w := bubble(t, s, func(of string, at time.Duration) reply {
					switch {
					case of == host(forever):
						last.Store(int64(at))
						return reply{takes: hangs}
					case at < trouble:
						return whim()
					}
					return reply{status: http.StatusOK}
				}, func(p *Params) {
					p.Directory = owned(tenants...)
					p.Concurrency, p.PerAssistant = 5, 2
					for n := 2; n <= all; n++ {
						endpoint(p, n)
					}
				})
				for round := range 3 {
					for n := 1; n <= all; n++ {
						for i := range leads {
							eventsOf(t, s, ownerOf(n, tenants...), assistantID(n), fmt.Sprintf("15%03d01%04d", n, i), 1+round, 1)
						}
					}
					time.Sleep(trouble / 4)
				}
				time.Sleep(trouble/4 + maxHold + maxRetry + time.Minute)
				synctest.Wait()
				st, err := s.Stats(t.Context(), start, time.Now())
				if err != nil || st.RelayPending != leads || st.RelayDead != 0 {
					t.Errorf("got %d conversations waiting and %d dead letters (%v), want %d waiting (for the assistant that hangs) and no dead letters",
						st.RelayPending, st.RelayDead, err, leads)
				}
				if ago := time.Since(w.begin) - time.Duration(last.Load()); ago > maxRetry+time.Minute {
					t.Errorf("last try at the assistant that hangs was %v ago, want it tried regularly", ago)
				}
			})
		})
	}
}
