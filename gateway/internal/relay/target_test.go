package relay

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestGuard has an address of every range in IANA's registries of special-purpose addresses, with
// the document that reserves it, and the ordinary addresses next to these ranges.
func TestGuard(t *testing.T) {
	t.Parallel()
	check := guard()
	for _, c := range []struct{ address, reserved string }{ // reserved "": allowed
		{"8.8.8.8:443", ""},
		{"9.255.255.255:443", ""},
		{"11.0.0.0:443", ""},
		{"100.63.255.255:443", ""},
		{"100.128.0.0:443", ""},
		{"172.15.255.255:443", ""},
		{"172.32.0.1:443", ""},
		{"192.0.1.1:443", ""},
		{"192.31.195.255:443", ""},
		{"192.167.255.255:443", ""},
		{"198.17.255.255:443", ""},
		{"198.20.0.0:443", ""},
		{"223.255.255.255:443", ""},
		{"[::ffff:8.8.8.8]:443", ""},
		{"[2001:200::1]:443", ""},
		{"[2001:db7::1]:443", ""},
		{"[2003::1]:443", ""},
		{"[2606:4700:4700::1111]:443", ""},
		{"[2620:4f:8001::1]:443", ""},
		{"[2a00:1450:4001:827::200e]:443", ""},
		{"[3ffd::1]:443", ""},

		{"0.0.0.0:80", "RFC 1122: this host"},
		{"0.1.2.3:80", "RFC 791: this network"},
		{"10.1.2.3:443", "RFC 1918: private"},
		{"100.64.0.0:80", "RFC 6598: shared"},
		{"100.100.100.200:80", "RFC 6598: shared, a cloud's metadata"},
		{"100.127.255.255:80", "RFC 6598: shared"},
		{"127.0.0.1:80", "RFC 1122: loopback"},
		{"127.8.9.1:80", "RFC 1122: loopback"},
		{"169.254.169.254:80", "RFC 3927: link-local"},
		{"168.63.129.16:80", "no RFC: a cloud's host agent"},
		{"172.16.0.1:443", "RFC 1918: private"},
		{"172.31.255.255:443", "RFC 1918: private"},
		{"192.0.0.8:80", "RFC 7600: IPv4 dummy"},
		{"192.0.0.170:80", "RFC 7050: NAT64 discovery"},
		{"192.0.0.192:80", "RFC 6890: protocol assignments, a cloud's metadata"},
		{"192.0.2.1:80", "RFC 5737: documentation"},
		{"192.31.196.1:80", "RFC 7535: AS112"},
		{"192.52.193.1:80", "RFC 7450: AMT relays"},
		{"192.88.99.1:80", "RFC 7526: 6to4 relays"},
		{"192.168.1.1:443", "RFC 1918: private"},
		{"192.175.48.1:80", "RFC 7534: AS112"},
		{"198.18.0.1:80", "RFC 2544: benchmarks"},
		{"198.19.255.255:80", "RFC 2544: benchmarks"},
		{"198.51.100.1:80", "RFC 5737: documentation"},
		{"203.0.113.1:80", "RFC 5737: documentation"},
		{"224.0.0.1:80", "RFC 5771: multicast"},
		{"239.255.255.250:80", "RFC 2365: multicast"},
		{"240.0.0.1:80", "RFC 1112: reserved"},
		{"255.255.255.255:80", "RFC 919: broadcast"},

		{"[::]:80", "RFC 4291: unspecified"},
		{"[::1]:80", "RFC 4291: loopback"},
		{"[::127.0.0.1]:80", "RFC 4291: IPv4-compatible"},
		{"[::ffff:127.0.0.1]:80", "RFC 4291: IPv4-mapped loopback"},
		{"[::ffff:169.254.169.254]:80", "RFC 4291: IPv4-mapped link-local"},
		{"[::ffff:0:127.0.0.1]:80", "RFC 2765: IPv4-translated"},
		{"[::ffff:0:a9fe:a9fe]:80", "RFC 2765: IPv4-translated"},
		{"[64:ff9b::a9fe:a9fe]:80", "RFC 6052: NAT64"},
		{"[64:ff9b:1::7f00:1]:80", "RFC 8215: NAT64 of one's own"},
		{"[100::1]:80", "RFC 6666: discard"},
		{"[100:0:0:1::1]:80", "RFC 9780: dummy prefix"},
		{"[200::1]:80", "RFC 4548: was for OSI"},
		{"[1fff:ffff::1]:80", "RFC 3587: not given out"},
		{"[2001::1]:80", "RFC 4380: Teredo"},
		{"[2001:0:4136:e378:8000::1]:80", "RFC 4380: Teredo"},
		{"[2001:1::1]:80", "RFC 7723: port control"},
		{"[2001:1::2]:80", "RFC 8155: TURN"},
		{"[2001:2::1]:80", "RFC 5180: benchmarks"},
		{"[2001:3::1]:80", "RFC 7450: AMT"},
		{"[2001:4:112::1]:80", "RFC 7535: AS112"},
		{"[2001:10::1]:80", "RFC 4843: ORCHID"},
		{"[2001:20::1]:80", "RFC 7343: ORCHIDv2"},
		{"[2001:30::1]:80", "RFC 9374: drones"},
		{"[2001:1ff:ffff::1]:80", "RFC 2928: protocol assignments"},
		{"[2001:db8::1]:80", "RFC 3849: documentation"},
		{"[2002:7f00:1::]:80", "RFC 3056: 6to4"},
		{"[2620:4f:8000::1]:80", "RFC 7534: AS112"},
		{"[3ffe::1]:80", "RFC 3701: was the 6bone"},
		{"[3fff::1]:80", "RFC 9637: documentation"},
		{"[3fff:fff::1]:80", "RFC 9637: documentation"},
		{"[4000::1]:80", "RFC 3587: not given out"},
		{"[5f00::1]:80", "RFC 9602: segment routing"},
		{"[fc00::1]:80", "RFC 4193: unique local"},
		{"[fd00:ec2::254]:80", "RFC 4193: unique local, a cloud's metadata"},
		{"[fe80::1%eth0]:80", "RFC 4291: link-local"},
		{"[fec0::1]:80", "RFC 3879: was site-local"},
		{"[ff02::1]:80", "RFC 4291: multicast"},
		{"not an address", "no address"},
	} {
		for _, network := range []string{"tcp4", "tcp6"} {
			if got, want := check(network, c.address, nil) == nil, c.reserved == ""; got != want {
				t.Errorf("%s (%s) on %s: got allowed %v, want %v", c.address, c.reserved, network, got, want)
			}
		}
	}
	if check("udp4", "8.8.8.8:443", nil) == nil {
		t.Error("udp: got allowed, want refused")
	}
}

// TestClientRefusesPrivateTargets: the client connects to no private address, whether the URL has
// the address or a name, and uses no proxy. With allowPrivate it connects.
func TestClientRefusesPrivateTargets(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(srv.Close)
	_, port := splitPort(t, srv.URL)
	for _, target := range []string{srv.URL, "http://localhost:" + port} {
		res, err := newClient(newDialer(false), 1).Get(target)
		if err == nil {
			_ = res.Body.Close()
		}
		if !errors.Is(err, errBlocked) {
			t.Errorf("%s: got %v, want errBlocked", target, err)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("got %d requests, want none", n)
	}
	if tr, ok := newClient(newDialer(false), 1).Transport.(*http.Transport); !ok || tr.Proxy != nil {
		t.Error("got a client that may use the environment's proxy, want one without")
	}
	res, err := newClient(newDialer(true), 1).Get(srv.URL)
	if err != nil {
		t.Fatalf("allowed: %v", err)
	}
	_ = res.Body.Close()
}

// TestLongHeadersAreNotRead: an assistant cannot make us keep headers of any length.
func TestLongHeadersAreNotRead(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 128<<10))
	}))
	t.Cleanup(srv.Close)
	res, err := newClient(newDialer(true), 1).Get(srv.URL)
	if err == nil {
		_ = res.Body.Close()
		t.Error("got an answer with 128 KiB of headers, want an error")
	}
}
