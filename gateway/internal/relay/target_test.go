package relay

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	check := guard()
	cases := map[string]bool{
		"8.8.8.8:443":                    true,
		"[2606:4700:4700::1111]:443":     true,
		"127.0.0.1:80":                   false,
		"127.8.9.1:80":                   false,
		"10.1.2.3:443":                   false,
		"172.16.0.1:443":                 false,
		"172.32.0.1:443":                 true,
		"192.168.1.1:443":                false,
		"169.254.169.254:80":             false,
		"100.100.100.200:80":             false,
		"168.63.129.16:80":               false,
		"0.0.0.0:80":                     false,
		"0.1.2.3:80":                     false,
		"224.0.0.1:80":                   false,
		"255.255.255.255:80":             false,
		"198.18.0.1:80":                  false,
		"[::]:80":                        false,
		"[::1]:80":                       false,
		"[fe80::1%eth0]:80":              false,
		"[fd00:ec2::254]:80":             false,
		"[ff02::1]:80":                   false,
		"[::ffff:127.0.0.1]:80":          false,
		"[::ffff:169.254.169.254]:80":    false,
		"[::127.0.0.1]:80":               false,
		"[64:ff9b::a9fe:a9fe]:80":        false,
		"[2002:7f00:1::]:80":             false,
		"[2001:0:4136:e378:8000::1]:80":  false,
		"not an address":                 false,
		"[::ffff:8.8.8.8]:443":           true,
		"[2a00:1450:4001:827::200e]:443": true,
	}
	for address, want := range cases {
		if got := check("tcp4", address, nil) == nil; got != want {
			t.Errorf("%s: got allowed %v, want %v", address, got, want)
		}
	}
	if check("udp4", "8.8.8.8:443", nil) == nil {
		t.Error("udp: got allowed, want refused")
	}
}

func TestClientRefusesPrivateTargets(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(srv.Close)
	_, port := splitPort(t, srv.URL)
	for _, target := range []string{srv.URL, "http://localhost:" + port} {
		res, err := newClient(false, 1).Get(target)
		if err == nil {
			_ = res.Body.Close()
		}
		if !errors.Is(err, errBlocked) {
			t.Errorf("got %v, want errBlocked", err)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("got %d requests, want none", n)
	}
	res, err := newClient(true, 1).Get(srv.URL)
	if err != nil {
		t.Fatalf("allowed: %v", err)
	}
	_ = res.Body.Close()
}
