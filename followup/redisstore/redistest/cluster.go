package redistest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// slots is how many hash slots a cluster has.
const slots = 16384

// Cluster is a Redis Cluster on loopback. The first Masters of its Nodes started as masters; their
// replicas follow, those of the first master first, and then the nodes that joined.
type Cluster struct {
	Nodes   []*Server
	Masters int

	t    testing.TB
	opts []Option
	ids  []string
}

// nodeTimeout is longer than any test, because a short one makes a busy machine look like a broken
// cluster. goneAfter is the time-out during Failover.
const (
	nodeTimeoutName = "cluster-node-timeout"
	nodeTimeout     = 10 * time.Minute
	goneAfter       = 2 * time.Second
)

// TakeOver makes a replica take over from a master that has not answered for so long, whether the
// master is gone or its machine is busy.
func TakeOver(after time.Duration) Option { return Set(nodeTimeoutName, milliseconds(after)) }

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// StartCluster starts a cluster of that many masters with that many replicas each, and waits until
// every node sees the whole cluster. The cluster is stopped when the test ends. A replica takes over
// from a master that is gone only with TakeOver, or during Failover.
func StartCluster(t testing.TB, masters, replicas int, opts ...Option) *Cluster {
	t.Helper()
	need(t)
	opts = append([]Option{
		TCP(), Set("cluster-enabled", "yes"), TakeOver(nodeTimeout),
		Set("cluster-replica-validity-factor", "0"),
	}, opts...)
	c := &Cluster{t: t, Masters: masters, opts: opts}
	for range masters * (1 + replicas) {
		c.start()
	}
	c.form(replicas)
	return c
}

// start starts a node that the others do not know yet.
func (c *Cluster) start() *Server {
	n := Start(c.t, c.opts...)
	c.Nodes = append(c.Nodes, n)
	c.ids = append(c.ids, fmt.Sprint(c.do(n, "cluster", "myid")))
	return n
}

// Join adds a master that serves no slot yet.
func (c *Cluster) Join() *Server {
	c.t.Helper()
	n := c.start()
	c.do(n, "cluster", "set-config-epoch", len(c.Nodes))
	c.meet(n)
	c.Settled()
	return n
}

// meet makes a node known to the first node, and so to the cluster.
func (c *Cluster) meet(n *Server) {
	first := c.Nodes[0]
	c.do(n, "cluster", "meet", "127.0.0.1", first.Port, first.cfg["cluster-port"])
}

// form makes a cluster of the nodes, with replicas replicas of each master.
func (c *Cluster) form(replicas int) {
	c.t.Helper()
	for i, n := range c.Nodes {
		c.do(n, "cluster", "set-config-epoch", i+1) // so that the nodes need not resolve equal epochs
		if i < c.Masters {
			c.do(n, "cluster", "addslotsrange", i*slots/c.Masters, (i+1)*slots/c.Masters-1)
		}
		if i > 0 {
			c.meet(n)
		}
	}
	c.Settled()
	for i := c.Masters; i < len(c.Nodes); i++ {
		c.do(c.Nodes[i], "cluster", "replicate", c.ids[(i-c.Masters)/replicas])
	}
	c.Settled()
	c.Synced()
}

// Settled waits until every node that is up sees all nodes and a cluster that serves all slots.
func (c *Cluster) Settled() {
	c.t.Helper()
	known := fmt.Sprintf("cluster_known_nodes:%d\r", len(c.Nodes))
	for _, n := range c.Nodes {
		if n.pid() != 0 {
			c.wait(n, "", "cluster_state:ok", known)
		}
	}
}

// Synced waits until every replica that is up has its master's data and follows the master.
func (c *Cluster) Synced() {
	c.t.Helper()
	masters := c.masters()
	for _, n := range c.Nodes {
		if n.pid() != 0 && !slices.Contains(masters, n) {
			c.wait(n, "replication", "master_link_status:up")
		}
	}
}

// masters returns the nodes that serve slots, as the first node that is up sees the cluster.
func (c *Cluster) masters() []*Server {
	c.t.Helper()
	var out []*Server
	for _, n := range c.Nodes {
		if n.pid() == 0 {
			continue
		}
		for _, r := range c.ranges(n) {
			if i := slices.Index(c.ids, r.Nodes[0].ID); i >= 0 && !slices.Contains(out, c.Nodes[i]) {
				out = append(out, c.Nodes[i])
			}
		}
		break
	}
	return out
}

// wait polls INFO of a section, or CLUSTER INFO if section is empty, until its text has all the words.
func (c *Cluster) wait(n *Server, section string, words ...string) {
	c.t.Helper()
	db := redis.NewClient(n.options())
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := poll(ctx, func() error {
		read := db.ClusterInfo
		if section != "" {
			read = func(ctx context.Context) *redis.StringCmd { return db.Info(ctx, section) }
		}
		info, err := read(ctx).Result()
		if err != nil {
			return err
		}
		for _, w := range words {
			if !strings.Contains(info, w) {
				return fmt.Errorf("no %q in %q", w, info)
			}
		}
		return nil
	})
	if err != nil {
		c.t.Fatalf("redistest: node %s: %v", n.addr(), err)
	}
}

// do sends one command to a node; the test fails if the command does.
func (c *Cluster) do(n *Server, args ...any) any {
	c.t.Helper()
	db := redis.NewClient(n.options())
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	v, err := db.Do(ctx, args...).Result()
	if err != nil {
		c.t.Fatalf("redistest: %v at %s: %v", args, n.addr(), err)
	}
	return v
}

// Failover kills the master of a slot, waits until a replica has taken over, and returns the master
// that was killed. Only meanwhile do the nodes have a short time-out.
func (c *Cluster) Failover(slot int) (was *Server) {
	c.t.Helper()
	was = c.Owner(slot)
	was.Kill()
	for _, n := range c.Nodes {
		if n != was && n.pid() != 0 {
			c.do(n, "config", "set", nodeTimeoutName, milliseconds(goneAfter))
			defer c.do(n, "config", "set", nodeTimeoutName, n.cfg[nodeTimeoutName])
		}
	}
	c.Served(slot, was)
	return was
}

// Served waits until a slot is served by a node other than butBy, as the first node that is up sees
// the cluster.
func (c *Cluster) Served(slot int, butBy *Server) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := poll(ctx, func() error {
		if c.Owner(slot) == butBy {
			return fmt.Errorf("slot %d is with %s", slot, butBy.addr())
		}
		return nil
	}); err != nil {
		c.t.Fatalf("redistest: no replica took over: %v", err)
	}
}

// Addrs returns the addresses of all nodes.
func (c *Cluster) Addrs() []string {
	out := make([]string, len(c.Nodes))
	for i, n := range c.Nodes {
		out[i] = n.addr()
	}
	return out
}

// URL returns the addresses of all nodes in the form of redis.url in the operator's file.
func (c *Cluster) URL() string {
	return "redis://" + strings.Join(c.Addrs(), ",redis://")
}

// Client returns a client of the whole cluster that is closed when the test ends.
func (c *Cluster) Client() *redis.ClusterClient {
	db := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: c.Addrs(), DisableIdentity: true, DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience,
	})
	c.t.Cleanup(func() { _ = db.Close() })
	return db
}

// Slot returns the hash slot of a key.
func (c *Cluster) Slot(key string) int {
	c.t.Helper()
	slot, ok := c.do(c.Nodes[0], "cluster", "keyslot", key).(int64)
	if !ok {
		c.t.Fatal("redistest: CLUSTER KEYSLOT answered no number")
	}
	return int(slot)
}

// Owner returns the node that serves a slot, as the first node that is up sees the cluster.
func (c *Cluster) Owner(slot int) *Server {
	c.t.Helper()
	for _, n := range c.Nodes {
		if n.pid() == 0 {
			continue
		}
		for _, r := range c.ranges(n) {
			if slot < r.Start || slot > r.End {
				continue
			}
			if i := slices.Index(c.ids, r.Nodes[0].ID); i >= 0 {
				return c.Nodes[i]
			}
		}
	}
	c.t.Fatalf("redistest: nobody serves slot %d", slot)
	return nil
}

// ranges returns the slots and their nodes as one node sees them.
func (c *Cluster) ranges(n *Server) []redis.ClusterSlot {
	c.t.Helper()
	db := redis.NewClient(n.options())
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := db.ClusterSlots(ctx).Result() //nolint:staticcheck // its successor needs Redis 7
	if err != nil {
		c.t.Fatalf("redistest: CLUSTER SLOTS at %s: %v", n.addr(), err)
	}
	return out
}
