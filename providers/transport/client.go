package transport

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"wagate/providers"
)

// MaxBody bounds the body of an answer, in bytes. A longer body is an error.
const MaxBody = 1 << 20

// Params configures a Client. The zero value is valid.
type Params struct {
	// Timeout bounds a whole call, from the name look-up to the last byte of the answer. Default 15
	// s.
	Timeout time.Duration
	// ConnectTimeout bounds dialling and, separately, the TLS handshake. Default 5 s; never longer
	// than Timeout.
	ConnectTimeout time.Duration
	// MaxIdle is the number of idle connections kept per host. Default 64.
	MaxIdle int
	// TLS replaces the default TLS configuration, for example to trust private roots.
	TLS *tls.Config
	// UserAgent is the User-Agent header. Default "wagate".
	UserAgent string
	// Now is the clock for a Retry-After given as a date. Default time.Now.
	Now func() time.Time
}

// Client makes calls to providers. It is safe for concurrent use.
type Client struct {
	transport *http.Transport
	timeout   time.Duration
	agent     string
	now       func() time.Time
}

// errTimeout is the cause of a call that took longer than Params.Timeout.
var errTimeout = errors.New("transport: time-out")

// New returns a Client.
func New(p Params) *Client {
	c := &Client{
		timeout: cmp.Or(p.Timeout, 15*time.Second),
		agent:   cmp.Or(p.UserAgent, "wagate"),
		now:     p.Now,
	}
	if c.now == nil {
		c.now = time.Now
	}
	connect := min(cmp.Or(p.ConnectTimeout, 5*time.Second), c.timeout)
	dialer := &net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	idle := cmp.Or(p.MaxIdle, 64)
	c.transport = &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &conn{Conn: raw}, nil
		},
		TLSClientConfig:     p.TLS,
		TLSHandshakeTimeout: connect,
		Protocols:           &protocols,
		MaxIdleConns:        4 * idle,
		MaxIdleConnsPerHost: idle,
		// Shorter than the idle timeout of servers, so that few requests meet a connection that is
		// being closed: their result would be uncertain.
		IdleConnTimeout: 20 * time.Second,
	}
	return c
}

// Close closes the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Response is a complete answer, whatever its status.
type Response struct {
	Status     int
	Body       []byte
	RetryAfter time.Duration // from the header of the answer; zero if absent
}

// OK reports whether the status is 2xx.
func (r Response) OK() bool { return r.Status >= 200 && r.Status < 300 }

// Do makes one call and reads the complete answer. The error is nil if there is one, whatever its
// status. Otherwise the error tells whether the request can have reached the provider.
func (c *Client) Do(ctx context.Context, req *http.Request) (Response, *providers.Error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errTimeout)
	defer cancel()
	w := &witness{}
	req = req.Clone(w.watch(ctx))
	req.GetBody = nil
	req.Header.Del("Idempotency-Key")
	req.Header.Del("X-Idempotency-Key")
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", c.agent)
	}

	answer, err := c.transport.RoundTrip(req)
	if err != nil {
		if w.wrote() {
			return Response{}, uncertain("await answer", err, 0)
		}
		return Response{}, unsent(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusSwitchingProtocols {
		// What follows is not an answer, and no timeout would end it.
		return Response{}, uncertain("read answer", errSwitched, answer.StatusCode)
	}
	r := Response{
		Status:     answer.StatusCode,
		RetryAfter: retryAfter(answer.Header.Get("Retry-After"), c.now()),
	}
	r.Body, err = io.ReadAll(io.LimitReader(answer.Body, MaxBody+1))
	switch {
	case err == nil && len(r.Body) <= MaxBody:
		return r, nil
	case answer.StatusCode == http.StatusTooManyRequests:
		r.Body = nil
		return r, nil
	case err == nil:
		err = errTooLong
	}
	return Response{}, uncertain("read answer", err, answer.StatusCode)
}
