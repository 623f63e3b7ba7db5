package server_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/server"
)

// A budget for sixteen of these tests' large bodies, and the shares in it: four for an address,
// eight for a target, twelve for what could be forged.
const (
	largeBody  = 200 << 10
	sixteen    = 16 * largeBody
	ofAddress  = 4
	ofTarget   = 8
	ofUnproven = 12
)

// flood sends the beginnings of large bodies, one with each of the headers. It returns when all but
// held of them were refused; the others stay in progress until hangUp is called. {n} in the path
// stands for the number of the body.
func flood(t *testing.T, addr, path string, held int, headers ...string) (hangUp func()) {
	t.Helper()
	refused := make(chan int, len(headers))
	var conns []net.Conn
	for i, h := range headers {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		conns = append(conns, c)
		go func() {
			_, _ = c.Write([]byte(post(strings.ReplaceAll(path, "{n}", strconv.Itoa(i)), h, largeBody) + strings.Repeat("w", largeBody/2)))
			if res, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
				refused <- res.StatusCode
				_ = res.Body.Close()
			}
		}()
	}
	for i := range len(headers) - held {
		select {
		case got := <-refused:
			if got != http.StatusServiceUnavailable {
				t.Fatalf("flood: got %d, want 503", got)
			}
		case <-time.After(patience):
			t.Fatalf("flood: got %d of %d refused, want all but %d", i, len(headers), held)
		}
	}
	return func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}
}

// large posts a complete large body and returns the status.
func large(t *testing.T, addr, path, headers string) int {
	t.Helper()
	w := dial(t, addr)
	go func() { _, _ = w.Write([]byte(post(path, headers, largeBody) + strings.Repeat("w", largeBody))) }()
	return w.receive("POST").status
}

// forwarded returns an X-Forwarded-For header with these hops.
func forwarded(hops string) string { return "X-Forwarded-For: " + hops + "\r\n" }

// numbered returns n headers, each made by f from its number.
func numbered(n int, f func(i int) string) (headers []string) {
	for i := range n {
		headers = append(headers, f(i))
	}
	return headers
}

const forgery = "X-Hub-Signature-256: sha256=guess\r\n"

// TestI9OneSourceCannotTakeTheBudget: a sender of large bodies with forged signatures can take up
// no more than the share of one address. Behind a proxy, each sender's address has a share. What
// the proxy did not write itself into X-Forwarded-For changes nothing.
func TestI9OneSourceCannotTakeTheBudget(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header  func(i int) string
		via     string // the hops that other senders have too
		trusted []netip.Prefix
	}{
		"one address":                {func(int) string { return forwarded("203.0.113.7") }, "", nil},
		"with a port":                {func(i int) string { return forwarded(fmt.Sprintf("203.0.113.7:%d", 1000+i)) }, "", nil},
		"forged hops before it":      {func(i int) string { return forwarded(fmt.Sprintf("198.51.100.%d, 203.0.113.7", i)) }, "", nil},
		"forged hop in another line": {func(i int) string { return forwarded(fmt.Sprintf("198.51.100.%d", i)) + forwarded("203.0.113.7") }, "", nil},
		"behind two proxies":         {func(i int) string { return forwarded(fmt.Sprintf("198.51.100.%d,203.0.113.7 , 10.0.0.2", i)) }, ", 10.0.0.2", nil},
		"behind a cloud's proxy":     {func(i int) string { return forwarded(fmt.Sprintf("198.51.100.%d, 203.0.113.7, 100.64.0.2", i)) }, ", 100.64.0.2", nil},
		"one IPv6 network":           {func(i int) string { return forwarded(fmt.Sprintf("2001:db8:0:7::%x", i)) }, "", nil},
		"IPv6 in brackets":           {func(i int) string { return forwarded(fmt.Sprintf("[2001:db8:0:7::%x]:443", i)) }, "", nil},
		"IPv4 in IPv6":               {func(int) string { return forwarded("::ffff:203.0.113.7") }, "", nil},
		"behind trusted proxies": {
			func(i int) string { return forwarded(fmt.Sprintf("198.51.100.%d, 203.0.113.7, 203.0.113.200", i)) }, ", 203.0.113.200",
			[]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("203.0.113.200/32")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, settings{bodies: sixteen, trusted: c.trusted})
			addr, _ := serve(t, h.public, server.ListenParams{})
			hangUp := flood(t, addr, hook, ofAddress, numbered(10, func(i int) string { return forgery + c.header(i) })...)
			if got := large(t, addr, hook, signature+c.header(0)); got != 503 {
				t.Errorf("one more from that address: got %d, want 503", got)
			}
			for _, of := range []string{"192.0.2.9", "::ffff:192.0.2.9", "2001:db8:0:8::1", "unknown", ""} {
				if got := large(t, addr, hook, signature+forwarded(of+c.via)); got != 200 {
					t.Errorf("from another address, %q: got %d, want 200", of, got)
				}
			}
			hangUp()
			until := time.Now().Add(patience)
			for large(t, addr, hook, signature+c.header(0)) != 200 {
				if time.Now().After(until) {
					t.Fatal("got the address refused after its bodies are gone, want it accepted")
				}
			}
		})
	}
}

// TestI9OneTargetCannotTakeTheBudget: forgers with many addresses, or with none that is known, can
// take up no more than the share of the target that they aim at. With several targets they can take
// up no more than the share of what could be forged. Callers with a valid key always find room.
func TestI9OneTargetCannotTakeTheBudget(t *testing.T) {
	t.Parallel()
	const (
		callback = "/webhooks/gupshup/" + string(front)
		token    = "X-Callback-Token: callback token\r\n"
		key      = "Authorization: Bearer " + acmeKey + "\r\n"
	)
	everywhere := func(header string) []string {
		return numbered(ofUnproven+4, func(i int) string { return header + forwarded(fmt.Sprintf("203.0.113.%d", i)) })
	}
	nowhere := func(header string) []string { return numbered(ofUnproven+4, func(int) string { return header }) }
	for name, addresses := range map[string]func(string) []string{"many addresses": everywhere, "no address": nowhere} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, settings{bodies: sixteen})
			addr, _ := serve(t, h.public, server.ListenParams{})
			flood(t, addr, hook, ofTarget, addresses(forgery)...)
			if got := large(t, addr, "/webhooks/crm/"+string(acme), forwarded("192.0.2.9")); got != 401 {
				t.Errorf("an unsigned CRM body: got %d, want 401 after reading it", got)
			}
			flood(t, addr, "/webhooks/crm/"+string(acme), ofUnproven-ofTarget, addresses("")...)
			for path, header := range map[string]string{callback: token, "/backend/leads": key, "/v26.0/1/messages": key} {
				if got := large(t, addr, path, header); got == 503 {
					t.Errorf("%s: got 503, want the body read", path)
				}
			}
			if got := large(t, addr, hook, signature+forwarded("192.0.2.9")); got != 503 {
				t.Errorf("the same app's: got %d, want 503", got)
			}
		})
	}
	t.Run("one tenant's channels and key", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, settings{bodies: sixteen})
		addr, _ := serve(t, h.public, server.ListenParams{})
		flood(t, addr, callback, ofTarget, nowhere(token)...)
		for path, header := range map[string]string{"/webhooks/gupshup/" + string(second): token, "/backend/leads": key} {
			if got := large(t, addr, path, header); got != 503 {
				t.Errorf("%s of the same tenant: got %d, want 503", path, got)
			}
		}
		for path, header := range map[string]string{
			hook: signature, "/webhooks/gupshup/" + string(backendtest.Alien): token, "/v26.0/1/messages": "Authorization: Bearer " + otherKey + "\r\n",
		} {
			if got := large(t, addr, path, header); got == 503 {
				t.Errorf("%s of another target: got 503, want the body read", path)
			}
		}
	})
	for name, c := range map[string]struct{ path, header string }{
		"one channel's token": {callback, token},
		"one tenant's key":    {"/backend/leads", key},
		"CRMs":                {"/webhooks/crm/{n}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, settings{bodies: sixteen})
			addr, _ := serve(t, h.public, server.ListenParams{})
			flood(t, addr, c.path, ofTarget, nowhere(c.header)...)
			if got := large(t, addr, hook, signature); got != 200 {
				t.Errorf("an app's body: got %d, want 200", got)
			}
			if got := large(t, addr, "/v26.0/1/messages", "Authorization: Bearer "+otherKey+"\r\n"); got == 503 {
				t.Error("another tenant's message: got 503, want the body read")
			}
		})
	}
}
