package relay

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/providers/transport/pipetest"
)

// useNetwork makes the relay reach every assistant over the network.
func useNetwork(n *pipetest.Network, r *Relay) {
	r.client = newClient(newDialer(true), r.p.PerAssistant)
	n.Carry(r.client.Transport.(*http.Transport)) //nolint:errcheck,forcetypeassert // it is one
}

// TestI9LostConnectionIsReplaced: if a connection is lost silently (a NAT gateway has forgotten it,
// say), the relay reaches the assistant over a new connection.
func TestI9LostConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got atomic.Int64
		network := pipetest.Serve(t, func(http.ResponseWriter, *http.Request) { got.Add(1) })
		s := memstore.New()
		r, _ := bubble(t, s, nil)
		useNetwork(network, r)
		events(t, s, assistantID(1), "1", 0, 1)
		r.Wake()
		time.Sleep(time.Second)
		synctest.Wait()
		if got.Load() != 1 {
			t.Fatalf("got %d deliveries, want one", got.Load())
		}
		network.Lose()
		events(t, s, assistantID(1), "1", 1, 1)
		r.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got.Load() != 2 {
			t.Errorf("got %d deliveries a minute after the connection was lost, want 2", got.Load())
		}
		if err := r.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestI9AssistantsOnOneHostAreIndependent: two tenants' assistants are on one host. If one of them
// does not read its requests, the other's deliveries are not held up.
func TestI9AssistantsOnOneHostAreIndependent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hanging, got atomic.Int64
		over := make(chan struct{})
		network := pipetest.Serve(t, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/1" {
				hanging.Add(1)
				<-over // reads nothing
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			got.Add(1)
		})
		s := memstore.New()
		r, _ := bubble(t, s, nil, func(p *Params) {
			p.Directory = owned([]int{1}, []int{2})
			for n := 1; n <= 2; n++ {
				p.Endpoints[assistantID(n)] = Endpoint{URL: "https://assistants.example/" + strconv.Itoa(n), Secrets: []string{"s"}}
			}
		})
		useNetwork(network, r)
		long := json.RawMessage(`"` + strings.Repeat("x", 300<<10) + `"`)
		for i := range 16 {
			phone := strconv.Itoa(i)
			lead, err := s.Resolve(t.Context(), tenantID(1), followup.Identity{Phone: phone}, true, start)
			if err != nil {
				t.Fatal(err)
			}
			settleOf(t, s, tenantID(1), lead, assistantID(1), phone, long)
		}
		r.Wake()
		time.Sleep(time.Second)
		synctest.Wait()
		if hanging.Load() == 0 {
			t.Fatal("got no hanging delivery, want some")
		}
		lead, err := s.Resolve(t.Context(), tenantID(2), followup.Identity{Phone: "2"}, true, start)
		if err != nil {
			t.Fatal(err)
		}
		settleOf(t, s, tenantID(2), lead, assistantID(2), "e", long)
		r.Wake()
		time.Sleep(time.Second)
		synctest.Wait()
		if got.Load() != 1 {
			t.Errorf("got %d deliveries to the other assistant while %d hang, want 1 at once", got.Load(), hanging.Load())
		}
		close(over)
		if err := r.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
