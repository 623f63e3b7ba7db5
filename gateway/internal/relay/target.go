package relay

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errBlocked says that an assistant's name resolved to an address that is not
// on the public internet.
var errBlocked = errors.New("relay: address not allowed")

// public6 is all of IPv6 that is given out (RFC 3587). What hides an IPv4
// address inside IPv6 lies outside, but for 6to4 and Teredo.
var public6 = netip.MustParsePrefix("2000::/3")

// blocked lists, beside what net/netip knows by name, the ranges of IANA's
// registries of special purposes, which no public service has, and the cloud
// metadata address that looks public. The test names the document of each.
func blocked() []netip.Prefix {
	var list []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
		"192.88.99.0/24", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"168.63.129.16/32",
		"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20",
	} {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}

// guard returns the check that the dialer makes on the address it is about to
// connect to.
func guard() func(network, address string, _ syscall.RawConn) error {
	list := blocked()
	return func(network, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || (network != "tcp4" && network != "tcp6") {
			return errBlocked
		}
		a := at.Addr().WithZone("").Unmap()
		if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !public6.Contains(a) {
			return errBlocked // also loopback, link-local, multicast, unspecified
		}
		for _, p := range list {
			if p.Contains(a) {
				return errBlocked
			}
		}
		return nil
	}
}

// newDialer returns what connects to assistants.
func newDialer(allowPrivate bool) *net.Dialer {
	d := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	if !allowPrivate {
		d.Control = guard()
	}
	return d
}

// newClient returns the HTTP client for assistants. Each request brings its own
// deadline, and has a connection to itself while it is out: so one that gets no answer takes its
// connection with it, and a body that is not read is in the way of no other assistant behind the same
// host. HTTP/2 would share one among them all.
func newClient(d *net.Dialer, perHost int) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would connect for us, past the guard
			DialContext:            d.DialContext,
			Protocols:              &protocols,
			TLSHandshakeTimeout:    5 * time.Second,
			MaxIdleConns:           1024,
			MaxIdleConnsPerHost:    perHost,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
