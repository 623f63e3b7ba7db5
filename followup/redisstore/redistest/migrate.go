package redistest

import (
	"fmt"
	"slices"
)

// Migration is a slot that is moving from one master to another. A test moves it step by step, and
// so can stop half way, with some keys at either master: a script that uses keys of both gets
// TRYAGAIN then.
type Migration struct {
	c        *Cluster
	slot     int
	from, to *Server
}

// Migrate begins to move a slot. No key has moved when it returns, but clients are already sent to
// the target for keys that do not exist at the source.
func (c *Cluster) Migrate(slot int, to *Server) *Migration {
	c.t.Helper()
	m := &Migration{c: c, slot: slot, from: c.Owner(slot), to: to}
	c.do(to, "cluster", "setslot", slot, "importing", c.id(m.from))
	c.do(m.from, "cluster", "setslot", slot, "migrating", c.id(to))
	return m
}

// Other returns a master that does not serve the slot.
func (c *Cluster) Other(slot int) *Server {
	c.t.Helper()
	owner := c.Owner(slot)
	for _, n := range c.masters() {
		if n != owner && n.pid() != 0 {
			return n
		}
	}
	c.t.Fatal("redistest: no other master")
	return nil
}

// Keys returns the keys that are still at the source, at most 1000 of them.
func (m *Migration) Keys() []string {
	m.c.t.Helper()
	var out []string
	keys, _ := m.c.do(m.from, "cluster", "getkeysinslot", m.slot, 1000).([]any)
	for _, k := range keys {
		out = append(out, fmt.Sprint(k))
	}
	return out
}

// Move moves the named keys to the target; without names, those that Keys returns.
func (m *Migration) Move(keys ...string) {
	m.c.t.Helper()
	if len(keys) == 0 {
		keys = m.Keys()
	}
	if len(keys) == 0 {
		return
	}
	args := []any{"migrate", "127.0.0.1", m.to.Port, "", 0, patience.Milliseconds(), "keys"}
	for _, k := range keys {
		args = append(args, k)
	}
	m.c.do(m.from, args...)
}

// Finish moves all keys that are left and hands the slot over. A key that stayed behind would be lost.
func (m *Migration) Finish() {
	m.c.t.Helper()
	for keys := m.Keys(); len(keys) > 0; keys = m.Keys() {
		m.Move(keys...)
	}
	id := m.c.id(m.to)
	m.c.do(m.to, "cluster", "setslot", m.slot, "node", id)
	m.c.do(m.from, "cluster", "setslot", m.slot, "node", id)
	for _, n := range m.c.masters() {
		if n != m.to && n != m.from && n.pid() != 0 {
			m.c.do(n, "cluster", "setslot", m.slot, "node", id)
		}
	}
}

// id returns a node's id within the cluster.
func (c *Cluster) id(n *Server) string { return c.ids[slices.Index(c.Nodes, n)] }
