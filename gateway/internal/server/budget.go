package server

import (
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
)

// budget bounds the memory that large bodies may take up together, and what a single source of them
// may take up. A source is whatever we know of the sender. For most webhooks, as long as the
// signature is not verified, that is no more than an address and a target.
type budget struct {
	size int64

	mu   sync.Mutex
	used map[source]int64
}

// source is one of those that a body is charged to.
type source struct{ kind, name string }

// share is a source with its part of the budget.
type share struct {
	of         source
	num, denom int64
}

// The share of each source. The first is the budget itself.
//
//	all                                             all
//	what could be forged: webhooks signed by body   3/4, so that a caller who showed a key finds room
//	a target: an app, a tenant, the CRMs            1/2
//	an address, if it is known                      1/4
func everybody() share               { return share{source{"all", ""}, 1, 1} }
func unproven() share                { return share{source{"unproven", ""}, 3, 4} }
func target(kind, name string) share { return share{source{kind, name}, 1, 2} }
func address(a netip.Prefix) share   { return share{source{"address", a.String()}, 1, 4} }

func newBudget(size int) *budget {
	return &budget{size: int64(size), used: map[source]int64{}}
}

// take charges n bytes to all of the sources, or to none if one of them has too little left.
func (b *budget) take(n int, from []share) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range from {
		if b.used[s.of]+int64(n) > b.size*s.num/s.denom {
			return false
		}
	}
	for _, s := range from {
		b.used[s.of] += int64(n)
	}
	return true
}

// give takes back what take charged.
func (b *budget) give(n int, from []share) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range from {
		if b.used[s.of] -= int64(n); b.used[s.of] == 0 {
			delete(b.used, s.of)
		}
	}
}

// charge names the sources of a request, except its address and everybody. A nil charge names none.
type charge func(c *fiber.Ctx) []share

func byApp(c *fiber.Ctx) []share { return []share{unproven(), target("app", param(c, "app"))} }

// byCRM charges one target for all tenants: whether a tenant exists is not asked before the body is
// read.
func byCRM(*fiber.Ctx) []share { return []share{unproven(), target("crm", "")} }

// byChannel charges the channel's tenant. A tenant with several channels has no more room for
// having them, nor extra room for what it sends with its key.
func (s *public) byChannel(c *fiber.Ctx) []share {
	of, _ := s.Directory.Channel(channelOf(c))
	return []share{target("tenant", string(of.Tenant))}
}

func byTenant(c *fiber.Ctx) []share { return []share{target("tenant", string(tenantOf(c)))} }

// proxies are the networks that are believed when they say who sends. If none are named, those are
// the private networks.
type proxies []netip.Prefix

func (p proxies) trusts(a netip.Addr) bool {
	if len(p) == 0 {
		return isPrivate(a)
	}
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a) })
}

// shares returns all sources of a request.
func (f charge) shares(c *fiber.Ctx, trusted proxies) []share {
	from := []share{everybody()}
	if f != nil {
		from = append(from, f(c)...)
	}
	peer, _ := netip.ParseAddrPort(c.Context().RemoteAddr().String())
	var hops []string
	for _, line := range c.Context().Request.Header.PeekAll(fiber.HeaderXForwardedFor) {
		hops = append(hops, strings.Split(string(line), ",")...)
	}
	if a, ok := trusted.client(peer.Addr(), hops); ok {
		from = append(from, address(a))
	}
	return from
}

// client returns the network of the sender, if it is known. peer is the other end of the
// connection, and hops are the addresses in X-Forwarded-For. The sender is the last of them that is
// not a proxy, because anybody could have written what stands before. If no proxies are named,
// every address on a private network that we share counts as one. A sender on that network that is
// not a proxy can pretend to be many senders, but only its share of the budget depends on it. An
// IPv6 sender counts by its /64, which everybody has.
func (p proxies) client(peer netip.Addr, hops []string) (netip.Prefix, bool) {
	a := peer.Unmap().WithZone("")
	for ; p.trusts(a) && len(hops) > 0; hops = hops[:len(hops)-1] {
		hop := strings.TrimSpace(hops[len(hops)-1])
		next, err := netip.ParseAddr(hop)
		if err != nil {
			withPort, err := netip.ParseAddrPort(hop)
			if err != nil {
				return netip.Prefix{}, false
			}
			next = withPort.Addr()
		}
		a = next.Unmap().WithZone("")
	}
	if !a.IsValid() || p.trusts(a) {
		return netip.Prefix{}, false
	}
	bits := 32
	if a.Is6() {
		bits = 64
	}
	network, err := a.Prefix(bits)
	return network, err == nil
}

// shared is the range of RFC 6598, where some clouds have their proxies.
var shared = netip.MustParsePrefix("100.64.0.0/10")

func isPrivate(a netip.Addr) bool {
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || shared.Contains(a)
}
