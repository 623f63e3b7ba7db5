package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
)

// answer is what a request was answered with. Status 0 means that there was no answer, and body
// then has the error.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   []byte
}

// client returns a client for the tests' requests. It keeps no connections, because processes come
// and go.
func client() *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
}

// call makes a request. A body that is not nil, a string or bytes is encoded as JSON.
func (p *process) call(method, url string, header map[string]string, body any) answer {
	p.t.Helper()
	var raw []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		raw = b
	case string:
		raw = []byte(b)
	default:
		var err error
		if raw, err = json.Marshal(b); err != nil {
			p.t.Fatalf("encode body: %v", err)
		}
	}
	a := answer{t: p.t, what: method + " " + url}
	req, err := http.NewRequest(method, url, bytes.NewReader(raw))
	if err != nil {
		p.t.Fatalf("make request: %v", err)
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := client().Do(req)
	if err != nil {
		a.body = []byte(err.Error())
		return a
	}
	defer res.Body.Close()
	a.status, a.header = res.StatusCode, res.Header
	if a.body, err = io.ReadAll(res.Body); err != nil {
		a.status, a.body = 0, []byte(err.Error())
	}
	return a
}

// get makes a GET request with an API key, or without one if key is "".
func (p *process) get(url, key string) answer {
	p.t.Helper()
	return p.call(http.MethodGet, url, bearer(key), nil)
}

// api calls the tenant API with Acme's key.
func (p *process) api(method, path string, body any) answer {
	p.t.Helper()
	return p.call(method, p.public+path, bearer(acmeKey), body)
}

// bearer returns the header for an API key, or none if key is "".
func bearer(key string) map[string]string {
	if key == "" {
		return nil
	}
	return map[string]string{"Authorization": "Bearer " + key}
}

// want ends the test unless the answer has the status.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: got %d %s, want %d", a.what, a.status, a.body, status)
	}
	return a
}

// decode decodes a JSON answer.
func decode[T any](a answer) T {
	a.t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.t.Fatalf("%s: decode %s: %v", a.what, a.body, err)
	}
	return v
}
