package relay

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errBlocked reports that an assistant's name resolved to an address that is not on the public
// internet.
var errBlocked = errors.New("relay: address not allowed")

// public6 is the part of IPv6 that is assigned for global unicast (RFC 3587). Addresses that hide
// an IPv4 address lie outside it, except those of 6to4 and Teredo, which blocked lists.
var public6 = netip.MustParsePrefix("2000::/3")

// blocked returns the ranges that are refused beside those that net/netip knows by name: the ranges
// of IANA's special-purpose registries, where no public service is, and the cloud metadata address
// that looks public. The test names the document of each range.
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

// guard returns the check that the dialer makes on the address it is about to connect to.
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

// newDialer returns the dialer for assistants. Unless allowPrivate is set, it connects to public
// addresses only.
func newDialer(allowPrivate bool) *net.Dialer {
	d := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	if !allowPrivate {
		d.Control = guard()
	}
	return d
}

// newClient returns the HTTP client for assistants. Each request brings its own deadline, and has a
// connection to itself while it is out. So a request that gets no answer takes its connection with
// it, and a body that is not read does not hold up another assistant behind the same host. HTTP/2
// would share one connection among them all.
func newClient(d *net.Dialer, perHost int) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would connect in our place, past the guard
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
