package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"wagate/providers/providertest"
)

// rawConn is a connection on which a test sends exactly what it wants.
type rawConn struct {
	t *testing.T
	net.Conn
}

// dial connects to the process's public listener.
func (p *process) dial() rawConn {
	p.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(p.public, "http://"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return rawConn{p.t, c}
}

// say sends text. It ignores errors, because the server need not read all of a request that it
// refuses early.
func (r rawConn) say(text string) { _, _ = io.WriteString(r, text) }

// status returns the status of the answer.
func (r rawConn) status() int {
	r.t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(r), nil)
	if err != nil {
		r.t.Fatalf("answer: %v", err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// TestI10StrangersTakeNoMemory sends half of each of 120 bodies of 4 MB. Unsigned, they are refused
// and take no memory. With a signature that could be valid, they take up their app's half of the
// budget of large bodies. Ordinary webhooks get through.
func TestI10StrangersTakeNoMemory(t *testing.T) {
	t.Parallel()
	const strangers, size, budget = 120, 4 << 20, 32 << 20
	w := newWorld(t, setup{})
	p := w.start()
	w.says(user("34601000500"), "before")
	heap := func() float64 { return p.metric("go_memstats_heap_inuse_bytes") }
	half := strings.Repeat(" ", size/2)
	post := func(signature string) rawConn {
		c := p.dial()
		go c.say(fmt.Sprintf("POST /webhooks/meta/main HTTP/1.1\r\nHost: wagate\r\n%sContent-Length: %d\r\n\r\n%s", signature, size, half))
		return c
	}

	before := heap()
	conns := make([]rawConn, strangers)
	for i := range conns {
		conns[i] = post("")
	}
	for _, c := range conns {
		if got := c.status(); got != http.StatusUnauthorized {
			t.Fatalf("unsigned: got %d, want 401", got)
		}
	}
	if got := heap() - before; got > 20<<20 {
		t.Errorf("unsigned: heap grew by %.0f bytes, want at most 20 MB", got)
	}
	for _, c := range conns {
		_ = c.Close()
	}

	forged := "X-Hub-Signature-256: " + providertest.Sign("guess", nil) + "\r\n"
	refused := make(chan int, strangers)
	for range strangers {
		c := post(forged)
		go func() {
			if res, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
				refused <- res.StatusCode
				_ = res.Body.Close()
			}
		}()
	}
	for range strangers - budget/size { // the others hold the half until they time out
		// On a busy machine the bodies that hold the half may time out before all others have come.
		if got := receive(t, "refusal", refused); got != http.StatusServiceUnavailable && got != http.StatusRequestTimeout {
			t.Fatalf("forged: got %d, want 503 or 408", got)
		}
	}
	if got := heap() - before; got > 2*budget {
		t.Errorf("forged: heap grew by %.0f bytes, want at most twice the budget", got)
	}
	w.says(user("34601000500"), "and after")
	until(t, func() error {
		if got := fmt.Sprint(w.sales.texts("34601000500")); got != "[before and after]" {
			return mismatch("messages", got, "[before and after]")
		}
		return nil
	})
}

// TestI11OddRequestsAreQuiet: whatever a stranger sends, the log does not repeat it.
func TestI11OddRequestsAreQuiet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	const phone = "34601100456"
	for request, want := range map[string]int{
		"GET /" + phone + " HTTP/1.1\r\nHost: " + phone + "\r\n\r\n":              404,
		"PUT /webhooks/meta/main?to=" + phone + " HTTP/1.1\r\nHost: w\r\n\r\n":    405,
		"BREW /" + phone + " HTTP/1.1\r\nHost: w\r\n\r\n":                         400,
		"GET /?" + strings.Repeat(phone, 10_000) + " HTTP/1.1\r\nHost: w\r\n\r\n": 431,
		phone + "\r\n\r\n": 400,
		"POST /webhooks/meta/main HTTP/1.1\r\nContent-Length: " + phone + "x\r\n\r\n":                      400,
		"POST /webhooks/meta/main HTTP/1.1\r\nContent-Length: " + phone + "\r\n\r\n":                       413,
		"POST /webhooks/crm/" + acme + " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+" + phone + "\r\n": 400,
	} {
		c := p.dial()
		c.say(request)
		if got := c.status(); got != want {
			t.Errorf("%.60q: got %d, want %d", request, got, want)
		}
		_ = c.Close()
	}
	p.term()
	p.exit()
	if log := p.log.String(); strings.Contains(log, phone) {
		t.Errorf("log repeats the request:\n%s", log)
	}
}
