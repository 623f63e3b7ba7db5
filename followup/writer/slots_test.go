package writer_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/writer"
)

// slowWriter is a writer that sends at most concurrency requests at once to a model
// that takes a second for each.
func slowWriter(concurrency int) *writer.Writer {
	return writer.New(writer.Params{
		Model: "m", BaseURL: "http://model.invalid/v1", Concurrency: concurrency,
		Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Second) // virtual
			return respond(200, `{"choices":[{"message":{"content":"Oi!"}}]}`), nil
		}),
	})
}

// TestI9TenantsTakeTurns checks that a tenant with many texts does not keep
// other tenants from the model.
func TestI9TenantsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := slowWriter(2)
		var mu sync.Mutex
		var order []followup.TenantID
		write := func(tenant followup.TenantID) {
			b := brief()
			b.Lead.Tenant = tenant
			if _, err := w.Write(t.Context(), b); err != nil {
				t.Errorf("got error %v, want none", err)
			}
			mu.Lock()
			defer mu.Unlock()
			order = append(order, tenant)
		}
		for range 20 {
			go write("big")
		}
		synctest.Wait()
		for _, small := range []followup.TenantID{"small", "small", "other"} {
			go write(small)
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(order) != 23 {
			t.Fatalf("got %d texts, want all 23", len(order))
		}
		for second, want := range [][]followup.TenantID{{"big", "big"}, {"big", "small"}, {"big", "other"}, {"big", "small"}} {
			got := order[2*second : 2*second+2]
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("second %d: got %v, want %v", second, got, want)
			}
		}
	})
}

// A caller that gives up while it waits does not use up a turn.
func TestCancelledWaiterYieldsItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := slowWriter(1)
		ctx, giveUp := context.WithCancel(t.Context())
		write := func(ctx context.Context, tenant followup.TenantID) <-chan error {
			done := make(chan error, 1)
			b := brief()
			b.Lead.Tenant = tenant
			go func() {
				_, err := w.Write(ctx, b)
				done <- err
			}()
			synctest.Wait()
			return done
		}
		first, impatient, next := write(t.Context(), "a"), write(ctx, "b"), write(t.Context(), "c")
		giveUp()
		synctest.Wait()
		if err := <-impatient; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the cause", err)
		}
		began := time.Now()
		if err := errors.Join(<-first, <-next); err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("got %v after %v, want both texts after 2s", err, time.Since(began))
		}
		began = time.Now()
		if err := errors.Join(<-write(t.Context(), "b"), <-write(t.Context(), "a")); err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("got %v after %v, want two more after 2s", err, time.Since(began))
		}
	})
}
