package fleet

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"time"
)

// answerWithin is how long an answer is waited for.
const answerWithin = 5 * time.Second

// Client makes requests of replicas.
type Client struct{ *http.Client }

// NewClient returns a client that keeps so many connections to each replica.
func NewClient(connections int) Client {
	return Client{&http.Client{
		Timeout: answerWithin, Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true},
	}}
}

// Request is one with a body in JSON.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         []byte
}

// Ask makes a request of a replica, also of one that is down, and returns the status and
// the body of the answer; 0: there is none, or not all of it. A replica that did not
// answer in time is shunned.
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
