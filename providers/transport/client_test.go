package transport_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wagate/providers"
	"wagate/providers/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "EAAB-invented-token"

const payload = `{"text":{"body":"something private"}}`

// post returns a request that net/http would replay if it were allowed to.
func post(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"?access_token="+secret, strings.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("Idempotency-Key", "k1")
	req.Header.Set("X-Idempotency-Key", "k1")
	return req
}

// client returns a client with time-outs that are long enough for a busy machine.
func client(t *testing.T, p transport.Params) *transport.Client {
	t.Helper()
	p.Timeout, p.ConnectTimeout = 5*time.Minute, 5*time.Minute
	c := transport.New(p)
	t.Cleanup(c.Close)
	return c
}

// If the connection fails after something was written, the error says maybe sent. If it fails
// before, the error is retryable. Neither shows what was sent.
func TestDoFailures(t *testing.T) {
	t.Parallel()
	unsent := providers.Error{Kind: providers.Transient, Retryable: true}
	maybe := providers.Error{Kind: providers.Transient, MaybeSent: true}
	for name, test := range map[string]struct {
		serve func(*rawServer, *bufio.Reader, net.Conn)
		https bool
		want  providers.Error
		cause string
	}{
		"closes after the first line": {
			serve: func(s *rawServer, r *bufio.Reader, _ net.Conn) { s.line(r) }, want: maybe,
		},
		"closes after headers": {
			serve: func(s *rawServer, r *bufio.Reader, _ net.Conn) { s.line(r); headers(r) }, want: maybe,
		},
		"closes after the body": {
			serve: func(s *rawServer, r *bufio.Reader, _ net.Conn) { s.request(r) }, want: maybe,
			cause: "await answer: closed",
		},
		"resets after the body": {
			serve: func(s *rawServer, r *bufio.Reader, c net.Conn) {
				s.request(r)
				if tcp, ok := c.(*net.TCPConn); ok {
					_ = tcp.SetLinger(0)
				}
			},
			want: maybe, cause: "await answer: reset",
		},
		"answers not HTTP": {
			serve: func(s *rawServer, r *bufio.Reader, c net.Conn) {
				s.request(r)
				fmt.Fprint(c, "echo: something private "+secret+"\r\n\r\n")
			},
			want: maybe, cause: "await answer: failed",
		},
		"closes within the headers": {
			serve: func(s *rawServer, r *bufio.Reader, c net.Conn) {
				s.request(r)
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Le")
			},
			want: maybe,
		},
		"closes within the answer": {
			serve: func(s *rawServer, r *bufio.Reader, c net.Conn) {
				s.request(r)
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"mess")
			},
			want:  providers.Error{Kind: providers.Transient, MaybeSent: true, Status: 200},
			cause: "read answer: closed",
		},
		"answers too much": {
			serve: func(s *rawServer, r *bufio.Reader, c net.Conn) {
				s.request(r)
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", transport.MaxBody+1, strings.Repeat("x", transport.MaxBody+1))
				_, _ = r.ReadByte()
			},
			want:  providers.Error{Kind: providers.Transient, MaybeSent: true, Status: 200},
			cause: "read answer: answer too long",
		},
		"switches protocols": {
			serve: func(s *rawServer, r *bufio.Reader, c net.Conn) {
				s.request(r)
				fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
				_, _ = r.ReadByte()
			},
			want:  providers.Error{Kind: providers.Transient, MaybeSent: true, Status: 101},
			cause: "read answer: protocol switched",
		},
		"is not a TLS server": {
			serve: func(_ *rawServer, _ *bufio.Reader, c net.Conn) { fmt.Fprint(c, "hello there\r\n") },
			https: true, want: unsent, cause: "connect: not a TLS server",
		},
		"closes within the handshake": {
			serve: func(_ *rawServer, r *bufio.Reader, _ net.Conn) { _, _ = r.ReadByte() },
			https: true, want: unsent,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRawServer(t, test.serve)
			url := "http://" + s.Addr().String() + "/v26.0/1/messages"
			if test.https {
				url = "https" + strings.TrimPrefix(url, "http")
			}
			c := client(t, transport.Params{})
			_, err := c.Do(t.Context(), post(t, url))
			wantError(t, err, test.want)
			if test.cause != "" && err != nil && err.Cause.Error() != test.cause {
				t.Errorf("got cause %q, want %q", err.Cause, test.cause)
			}
			s.stop()
			if want := map[bool]int{true: 0, false: 1}[test.https]; len(s.requests()) != want {
				t.Errorf("got %d requests, want %d", len(s.requests()), want)
			}
		})
	}
}

// wantError checks the error's decision, and that nothing private is in it.
func wantError(t *testing.T, err *providers.Error, want providers.Error) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want %+v", want)
	}
	got := *err
	got.Cause = nil
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	told := fmt.Sprintf("%v %+v %v %v", err, err.Cause, err.Cause, errors.Unwrap(err.Cause))
	for _, private := range []string{secret, "private", "access_token", "messages"} {
		if strings.Contains(told, private) {
			t.Errorf("got %q in the error: %s", private, told)
		}
	}
}

// If nothing was written, the error is retryable.
func TestDoNothingWritten(t *testing.T) {
	t.Parallel()
	unsent := providers.Error{Kind: providers.Transient, Retryable: true}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		_, e := client(t, transport.Params{}).Do(t.Context(), post(t, "http://127.0.0.1:1")) // a port where nothing listens
		wantError(t, e, unsent)
		if got, want := e.Cause.Error(), "connect: refused"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("cancelled before", func(t *testing.T) {
		t.Parallel()
		s := newRawServer(t, func(s *rawServer, r *bufio.Reader, _ net.Conn) { s.request(r) })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, e := client(t, transport.Params{}).Do(ctx, post(t, "http://"+s.Addr().String()))
		wantError(t, e, unsent)
		if !errors.Is(e, context.Canceled) {
			t.Errorf("got %v, want it to match context.Canceled", e.Cause)
		}
		s.stop()
		if n := len(s.requests()); n != 0 {
			t.Errorf("got %d requests, want 0", n)
		}
	})
	t.Run("untrusted certificate", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		defer s.Close()
		_, e := client(t, transport.Params{}).Do(t.Context(), post(t, s.URL))
		wantError(t, e, unsent)
		if got, want := e.Cause.Error(), "connect: certificate not trusted"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// An answer is returned with its status, body and Retry-After, whatever the status. A 429 is
// returned even if its body is cut off. Nothing is called twice.
func TestDoAnswers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		answer string
		want   transport.Response
	}{
		"200":          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", transport.Response{Status: 200, Body: []byte("{}")}},
		"bare 500":     {"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", transport.Response{Status: 500}},
		"bare 502":     {"HTTP/1.1 502 X\r\nContent-Length: 5\r\n\r\n<htm>", transport.Response{Status: 502, Body: []byte("<htm>")}},
		"503 seconds":  {"HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", transport.Response{Status: 503, RetryAfter: 7 * time.Second}},
		"429 seconds":  {"HTTP/1.1 429 X\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n", transport.Response{Status: 429, RetryAfter: 2 * time.Minute}},
		"429 date":     {"HTTP/1.1 429 X\r\nRetry-After: Tue, 01 Sep 2026 12:00:30 GMT\r\nContent-Length: 0\r\n\r\n", transport.Response{Status: 429, RetryAfter: 30 * time.Second}},
		"429 past":     {"HTTP/1.1 429 X\r\nRetry-After: Tue, 01 Sep 2026 11:00:30 GMT\r\nContent-Length: 0\r\n\r\n", transport.Response{Status: 429}},
		"429 absurd":   {"HTTP/1.1 429 X\r\nRetry-After: 999999999999\r\nContent-Length: 0\r\n\r\n", transport.Response{Status: 429, RetryAfter: 24 * time.Hour}},
		"429 no int64": {"HTTP/1.1 429 X\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n", transport.Response{Status: 429, RetryAfter: 24 * time.Hour}},
		"429 negative": {"HTTP/1.1 429 X\r\nRetry-After: -9223372036854775808\r\nContent-Length: 0\r\n\r\n", transport.Response{Status: 429}},
		"429 words":    {"HTTP/1.1 429 X\r\nRetry-After: later\r\nContent-Length: 0\r\n\r\n", transport.Response{Status: 429}},
		"429 cut off":  {"HTTP/1.1 429 X\r\nRetry-After: 3\r\nContent-Length: 50\r\n\r\n{\"err", transport.Response{Status: 429, RetryAfter: 3 * time.Second}},
		"redirect":     {"HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", transport.Response{Status: 307}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRawServer(t, func(s *rawServer, r *bufio.Reader, c net.Conn) {
				if s.request(r) {
					fmt.Fprint(c, test.answer)
				}
			})
			c := client(t, transport.Params{Now: func() time.Time { return now }})
			got, err := c.Do(t.Context(), post(t, "http://"+s.Addr().String()+"/x"))
			if err != nil {
				t.Fatalf("got %v, want an answer", err)
			}
			if got.Status != test.want.Status || got.RetryAfter != test.want.RetryAfter || !bytes.Equal(got.Body, test.want.Body) {
				t.Errorf("got %d %v %q, want %d %v %q", got.Status, got.RetryAfter, got.Body, test.want.Status, test.want.RetryAfter, test.want.Body)
			}
			if got.OK() != (got.Status == 200) {
				t.Errorf("got OK %v for status %d, want it for 200 only", got.OK(), got.Status)
			}
			s.stop()
			if n := len(s.requests()); n != 1 {
				t.Errorf("got %d requests, want 1", n)
			}
		})
	}
}

// net/http would replay a request whose reused connection dies. The client must not.
func TestI6NoReplayOnDeadConnection(t *testing.T) {
	t.Parallel()
	for range 20 { // a connection that is free too late is not reused
		s := newRawServer(t, func(s *rawServer, r *bufio.Reader, c net.Conn) {
			for s.request(r) && !strings.Contains(s.last(), "/second") { // closes without an answer then
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
		})
		c := client(t, transport.Params{})
		if _, err := c.Do(t.Context(), post(t, "http://"+s.Addr().String()+"/first")); err != nil {
			t.Fatal(err)
		}
		_, err := c.Do(t.Context(), post(t, "http://"+s.Addr().String()+"/second"))
		wantError(t, err, providers.Error{Kind: providers.Transient, MaybeSent: true})
		s.stop()
		if n := len(s.requests()); n != 2 {
			t.Errorf("got %d requests, want 2: %q", n, s.requests())
		}
		if s.accepted() == 1 {
			return
		}
	}
	t.Error("got a new connection for each request 20 times, want one reused")
}

// At whatever moment a call is given up: if the error says that it was not sent, no byte of it
// arrived, and nothing arrives twice.
func TestI6UnsentMeansNothingArrived(t *testing.T) {
	t.Parallel()
	s := newRawServer(t, func(s *rawServer, r *bufio.Reader, c net.Conn) {
		for n := 0; s.request(r) && n < 5; n++ {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	c := client(t, transport.Params{})
	unsent := map[string]bool{}
	answered, uncertain := 0, 0
	long := 200 * time.Microsecond // about what a call takes on this machine
	for i := range 1500 {
		path := fmt.Sprintf("/call-%d", i)
		ctx, cancel := context.WithTimeout(t.Context(), rand.N(2*long))
		_, err := c.Do(ctx, post(t, "http://"+s.Addr().String()+path))
		cancel()
		switch {
		case err == nil:
			answered++
			long = max(long*9/10, 10*time.Microsecond)
		case err.Retryable && !err.MaybeSent:
			unsent[path] = true
			long = min(long*10/9, time.Minute)
		case err.MaybeSent && !err.Retryable:
			uncertain++
		default:
			t.Fatalf("got %+v, want either retryable or maybe sent", err)
		}
	}
	c.Close()
	_ = s.Close()
	s.wg.Wait() // every connection has been read to its end
	t.Logf("%d answered, %d uncertain, %d unsent", answered, uncertain, len(unsent))
	arrived := map[string]int{}
	for _, line := range s.requests() {
		path, _, _ := strings.Cut(strings.TrimPrefix(line, "POST "), "?")
		if unsent[path] {
			t.Errorf("%s: got it sent, want it unsent as the error said", path)
		}
		if arrived[path]++; arrived[path] > 1 {
			t.Errorf("%s: got it sent %d times, want once", path, arrived[path])
		}
	}
	if len(unsent) == 0 || answered == 0 {
		t.Errorf("got %d answered and %d unsent, want some of each for the test to mean anything", answered, len(unsent))
	}
}

// Over TLS the client speaks HTTP/1.1, sends its user agent and no idempotency keys,
// and decides in the same way.
func TestDoOverTLS(t *testing.T) {
	t.Parallel()
	var got http.Header
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		if r.URL.Path == "/die" {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, r.Proto)
	}))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c := client(t, transport.Params{TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, UserAgent: "wagate/test"})
	r, err := c.Do(t.Context(), post(t, s.URL))
	if err != nil || string(r.Body) != "HTTP/1.1" {
		t.Fatalf("got %q, %v, want HTTP/1.1", r.Body, err)
	}
	if got.Get("Idempotency-Key")+got.Get("X-Idempotency-Key") != "" || got.Get("User-Agent") != "wagate/test" {
		t.Errorf("got headers %v, want the user agent and no idempotency keys", got)
	}
	_, err = c.Do(t.Context(), post(t, s.URL+"/die"))
	wantError(t, err, providers.Error{Kind: providers.Transient, MaybeSent: true})
}

// A compressed answer is bounded by its uncompressed size.
func TestDoBoundsCompressedAnswers(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(make([]byte, 8*transport.MaxBody))
		_ = z.Close()
	}))
	defer s.Close()
	_, err := client(t, transport.Params{}).Do(t.Context(), post(t, s.URL))
	wantError(t, err, providers.Error{Kind: providers.Transient, MaybeSent: true, Status: 200})
}
