package transport_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"wagate/providers"
	"wagate/providers/transport"
)

// TestDoTimeouts checks the default time-outs with a provider that hangs. The bubble's
// clock moves only while all goroutines wait, so what was written has been read by
// then, however slow the machine.
func TestDoTimeouts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		serve    func(*rawServer, *bufio.Reader, net.Conn)
		scheme   string
		want     providers.Error
		cause    string
		after    time.Duration
		requests int
	}{
		"hangs": {
			serve: func(s *rawServer, r *bufio.Reader, _ net.Conn) {
				s.request(r)
				_, _ = r.ReadByte()
			},
			scheme: "http", want: providers.Error{Kind: providers.Transient, MaybeSent: true},
			cause: "await answer: time-out", after: 15 * time.Second, requests: 1,
		},
		"hangs within the answer": {
			serve: func(s *rawServer, r *bufio.Reader, c net.Conn) {
				s.request(r)
				fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\n{\"mess")
				_, _ = r.ReadByte()
			},
			scheme: "http", want: providers.Error{Kind: providers.Transient, MaybeSent: true, Status: 400},
			cause: "read answer: time-out", after: 15 * time.Second, requests: 1,
		},
		"hangs within the handshake": {
			serve:  func(_ *rawServer, r *bufio.Reader, _ net.Conn) { _, _ = io.Copy(io.Discard, r) },
			scheme: "https", want: providers.Error{Kind: providers.Transient, Retryable: true},
			cause: "connect: time-out", after: 5 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var s rawServer
				c := transport.New(transport.Params{})
				c.Over(func() net.Conn {
					ours, theirs := net.Pipe()
					s.wg.Go(func() {
						defer theirs.Close()
						test.serve(&s, bufio.NewReader(theirs), theirs)
					})
					return ours
				})
				began := time.Now()
				_, err := c.Do(t.Context(), post(t, test.scheme+"://provider.example/v26.0/1/messages"))
				wantError(t, err, test.want)
				if got := err.Cause.Error(); got != test.cause {
					t.Errorf("got cause %q, want %q", got, test.cause)
				}
				if took := time.Since(began); took != test.after {
					t.Errorf("got the call given up after %v, want %v", took, test.after)
				}
				c.Close()
				s.wg.Wait()
				if got := len(s.requests()); got != test.requests {
					t.Errorf("got %d requests, want %d", got, test.requests)
				}
			})
		})
	}
}
