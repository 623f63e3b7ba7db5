package fleet

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"time"
)

// answerWithin is how long a client waits for an answer.
const answerWithin = 5 * time.Second

// Client sends requests to replicas.
type Client struct{ *http.Client }

// NewClient returns a client that keeps up to connections idle connections to each replica.
func NewClient(connections int) Client {
	return Client{&http.Client{
		Timeout: answerWithin, Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true},
	}}
}

// Request is a request with a JSON body.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         []byte
}

// Ask sends a request to a replica, which may be down, and returns the status and the body of the
// answer. The status is 0 if there was no complete answer. Ask shuns a replica that did not answer
// in time.
func (c Client) Ask(ctx context.Context, to *Replica, r Request) (status int, body []byte) {
	req, err := http.NewRequestWithContext(ctx, r.Method, "http://"+to.Public()+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return 0, nil
	}
	maps.Copy(req.Header, r.Header)
	req.Header.Set("Content-Type", "application/json")
	began := time.Now()
	res, err := c.Do(req)
	if err != nil {
		if time.Since(began) >= answerWithin {
			to.shun()
		}
		return 0, nil
	}
	defer func() { _ = res.Body.Close() }()
	if body, err = io.ReadAll(res.Body); err != nil {
		return 0, nil
	}
	return res.StatusCode, body
}
