package relay

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"wagate/followup/memstore"
)

// TestI1SwitchingProtocolsIsNoDelivery: an assistant that answers 101 and keeps the connection open
// has not taken the delivery. The try ends, and the delivery comes again.
func TestI1SwitchingProtocolsIsNoDelivery(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	held := make(chan net.Conn, 10_000)
	tries := make(chan string, 10_000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("webhook-id")
		if len(tries) == 0 {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_ = rw.Flush()
			held <- conn
		}
		tries <- id
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(func() {
		close(held)
		for c := range held {
			_ = c.Close()
		}
	})
	events(t, s, assistantID(1), "15550100001", 1, 1)
	r := newRelay(t, s, func(p *Params) { p.Timeout = 5 * time.Second }, srv.URL)
	waitDrained(t, s)
	if got := count(r, outcomeRetried); got != 1 {
		t.Errorf("got %v tried again, want 1", got)
	}
	if first, second := <-tries, <-tries; first != second {
		t.Errorf("got webhook-id %s, then %s, want the same delivery again", first, second)
	}
}
