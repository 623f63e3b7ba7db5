package server_test

import "testing"

// TestWithoutTokenRefusesOrigin: without admin tokens, a request with an Origin is refused, because
// it comes from a web page.
func TestWithoutTokenRefusesOrigin(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	r := do(t, h.admin, request{method: "POST", path: "/api/pause", body: `{"tenant_id":"` + string(acme) + `"}`, header: map[string]string{"Origin": "https://example.com"}})
	h.want(r, 403, `{"success":false,"error":{"code":"FORBIDDEN","message":"the request is not allowed","details":[]}}`)
	h.want(h.op("GET", "/api/pauses?tenant="+string(acme), ""), 200, `{"data":[],"pagination":{"total":0,"limit":50,"offset":0,"has_more":false}}`)
}

// TestWithoutTokenRefusesOtherHosts: without admin tokens, a request for a host other than this
// machine is refused. A web page whose name was made to resolve to this machine sends no Origin,
// but it sends that name.
func TestWithoutTokenRefusesOtherHosts(t *testing.T) {
	t.Parallel()
	h, guarded := newHarness(t, settings{}), newHarness(t, settings{tokens: []string{"operator"}})
	for host, want := range map[string]int{
		"localhost": 200, "localhost:9090": 200, "LocalHost:9090": 200, "127.0.0.1": 200, "127.8.8.8:9090": 200,
		"[::1]": 200, "[::1]:9090": 200, "[::ffff:127.0.0.1]:9090": 200,
		"example.com": 403, "example.com:9090": 403, "localhost.example.com": 403, "127.0.0.1.example.com:9090": 403,
		"10.0.0.1:9090": 403, "[2001:db8::1]:9090": 403, "localhost:9090:1": 403, "0.0.0.0:9090": 403,
	} {
		for _, path := range []string{"/api/dead", "/debug/pprof/cmdline"} {
			if r := do(t, h.admin, request{method: "GET", path: path, host: host}); r.status != want {
				t.Errorf("%s as %q: got %d, want %d", path, host, r.status, want)
			}
		}
		if r := do(t, h.admin, request{method: "GET", path: "/livez", host: host}); r.status != 200 {
			t.Errorf("/livez as %q: got %d, want 200", host, r.status)
		}
		if r := do(t, guarded.admin, request{method: "GET", path: "/api/dead", host: host, key: "operator"}); r.status != 200 {
			t.Errorf("with a token, as %q: got %d, want 200", host, r.status)
		}
	}
}
