package server

import (
	"fmt"
	"net/netip"
	"testing"
)

// TestClient: without trusted proxies, the sender is the last hop that is not on a private network.
// What the sender itself claims does not count.
func TestClient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		peer string
		hops []string
		want string // "": not known
	}{
		{"203.0.113.7", nil, "203.0.113.7/32"},
		{"203.0.113.7", []string{"198.51.100.1"}, "203.0.113.7/32"},
		{"2001:db8:0:7::1", []string{"198.51.100.1"}, "2001:db8:0:7::/64"},
		{"::ffff:203.0.113.7", nil, "203.0.113.7/32"},
		{"127.0.0.1", []string{"198.51.100.1"}, "198.51.100.1/32"},
		{"fd00::1", []string{"198.51.100.1"}, "198.51.100.1/32"},
		{"fe80::1%eth0", []string{"198.51.100.1"}, "198.51.100.1/32"},
		{"10.0.0.1", []string{"198.51.100.1", "10.0.0.2", " 192.168.0.1"}, "198.51.100.1/32"},
		{"10.0.0.1", nil, ""},
		{"10.0.0.1", []string{"10.0.0.2"}, ""},
		{"10.0.0.1", []string{"198.51.100.1", ""}, ""},
		{"10.0.0.1", []string{"198.51.100.1", "unknown"}, ""},
		{"", []string{"198.51.100.1"}, ""}, // a socket without addresses
	} {
		peer, _ := netip.ParseAddr(c.peer)
		got := ""
		if p, ok := proxies(nil).client(peer, c.hops); ok {
			got = p.String()
		}
		if got != c.want {
			t.Errorf("peer %s, hops %q: got %q, want %q", c.peer, c.hops, got, c.want)
		}
	}
}

// TestClientOfTrustedProxies: with trusted proxies, only those are believed about who sends.
func TestClientOfTrustedProxies(t *testing.T) {
	t.Parallel()
	trusted := proxies{
		netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("2001:db8:7::/48"),
	}
	for _, c := range []struct {
		peer string
		hops []string
		want string // "": not known
	}{
		{"203.0.113.7", []string{"192.0.2.1", "198.51.100.1"}, "198.51.100.1/32"},
		{"::ffff:203.0.113.7", []string{"198.51.100.1"}, "198.51.100.1/32"},
		{"2001:db8:7::1", []string{"2001:db8:8:1::1"}, "2001:db8:8:1::/64"},
		{"10.0.0.1", []string{"198.51.100.1", "203.0.113.9"}, "198.51.100.1/32"},
		{"10.0.0.1", []string{"198.51.100.1", "10.0.0.2"}, "10.0.0.2/32"},
		{"10.0.0.2", []string{"198.51.100.1"}, "10.0.0.2/32"},
		{"127.0.0.1", []string{"198.51.100.1"}, "127.0.0.1/32"},
		{"198.51.100.9", []string{"192.0.2.1"}, "198.51.100.9/32"},
		{"203.0.113.7", []string{"203.0.113.8"}, ""},
		{"203.0.113.7", nil, ""},
	} {
		got := ""
		if p, ok := trusted.client(netip.MustParseAddr(c.peer), c.hops); ok {
			got = p.String()
		}
		if got != c.want {
			t.Errorf("peer %s, hops %q: got %q, want %q", c.peer, c.hops, got, c.want)
		}
	}
}

// TestBudgetForgetsEmptySources: the budget keeps no record of a source that holds none of it.
func TestBudgetForgetsEmptySources(t *testing.T) {
	t.Parallel()
	b := newBudget(100)
	for i := range 1000 {
		of := []share{everybody(), target("app", fmt.Sprint(i))}
		if !b.take(20, of) || b.take(60, of) {
			t.Fatalf("app %d: got another share than half of the budget", i)
		}
		b.give(20, of)
	}
	if n := len(b.used); n != 0 {
		t.Errorf("got %d sources remembered, want none", n)
	}
}
