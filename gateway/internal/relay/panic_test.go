package relay

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
)

// TestPanicIsATryThatFailed: what panics on its way to an assistant, often
// enough to open the breaker too, costs no slot and no delivery, and the log
// says where it was.
func TestPanicIsATryThatFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		events(t, s, assistantID(1), "15550100001", 1, 1)
		events(t, s, assistantID(1), "15550100002", 1, 1)
		var tries atomic.Int32
		var log bytes.Buffer
		const panics = breakerFailures + 3
		r, _ := bubble(t, s, func(string, time.Duration) reply {
			if tries.Add(1) <= panics {
				panic("text of a lead")
			}
			return reply{status: http.StatusOK}
		}, func(p *Params) {
			p.Concurrency, p.PerAssistant = 1, 1
			p.Logger = slog.New(slog.NewTextHandler(&log, nil))
		})
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != 2 {
			t.Errorf("got %v delivered, want 2", got)
		}
		if got := count(r, outcomeRetried); got != panics {
			t.Errorf("got %v tried again, want %d", got, panics)
		}
		if said := log.String(); !strings.Contains(said, "panic_test.go") || strings.Contains(said, "text of a lead") {
			t.Errorf("got log %s, want the stack and not the panic's own text", said)
		}
	})
}

// frail panics when it is first told a result.
type frail struct {
	Store
	once atomic.Bool
}

func (f *frail) FinishDelivery(ctx context.Context, d followup.FinishDelivery) error {
	if f.once.CompareAndSwap(false, true) {
		panic("text of a lead")
	}
	return f.Store.FinishDelivery(ctx, d)
}

// TestPanicOfTheStore: a result that could not be recorded comes again when the
// lease has run out, as after a crash.
func TestPanicOfTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		events(t, s, assistantID(1), "15550100001", 1, 1)
		r, w := bubble(t, &frail{Store: s}, answers(func(time.Duration) int { return http.StatusOK }), func(p *Params) {
			p.Concurrency, p.PerAssistant = 1, 1
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != 1 || len(w.taken()) != 2 {
			t.Errorf("got %v delivered in tries at %v, want one in two", got, w.taken())
		}
	})
}
