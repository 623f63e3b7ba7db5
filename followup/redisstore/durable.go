package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/poll"
)

// Durability is what a write must have survived before it is promised.
type Durability struct {
	// Level is LevelEverysec, LevelAlways or LevelReplicas; empty means LevelEverysec.
	Level string
	// Replicas is the N of replicas:N.
	Replicas int
}

// The levels of durability.
const (
	LevelEverysec = "everysec" // a crash of Redis can lose the last seconds of writes
	LevelAlways   = "always"   // Redis syncs its file before it answers a write
	LevelReplicas = "replicas" // N replicas have a write before it is promised
)

// String returns the durability as the operator writes it: "everysec", "always" or "replicas:N".
func (d Durability) String() string {
	if d.Level == LevelReplicas {
		return LevelReplicas + ":" + strconv.Itoa(d.Replicas)
	}
	if d.Level == "" {
		return LevelEverysec
	}
	return d.Level
}

// maxHops bounds the redirections, reloads and reconnections of one call.
const maxHops = 8

// runDurable runs a script whose effect is promised to somebody. With replicas:N it waits, on the
// same connection, until N replicas have the effect. If too few have it in time, runDurable returns
// the script's reply and followup.ErrNotDurable: the effect stays, nothing may be promised, and a
// repeated request waits anew. So a script must write something when it is repeated, too: since
// Redis 7.2 WAIT asks for what its own connection wrote last, and earlier versions ask for all that
// the node has written.
func (s *Store) runDurable(ctx context.Context, sc *script, keys []string, args ...any) (any, error) {
	return s.submit(ctx, s.durability.Replicas > 0, sc, keys, args)
}

func (s *Store) aloneDurable(ctx context.Context, sc *script, keys []string, args []any) (any, error) {
	c := durableCall{s: s, script: sc, keys: keys, args: args}
	wait := time.Millisecond
	for hops := 0; ; {
		v, err := c.try(ctx)
		if err == nil || errors.Is(err, followup.ErrNotDurable) {
			return v, err
		}
		again, slow := c.follow(ctx, err)
		if _, asked := redis.IsAskError(err); redis.IsTryAgainError(err) || asked && slow {
			if sc.failFast {
				return nil, err
			}
			hops = 0 // a migration takes as long as it takes, and the owner answers ASK all the while
		}
		if !again || hops == maxHops {
			return nil, err
		}
		hops++
		if !slow {
			continue
		}
		if err := poll.Sleep(ctx, wait); err != nil {
			return nil, err
		}
		wait = min(2*wait, maxTryAgain)
	}
}

// durableCall is one run of a durable script on its way through the nodes. The cluster client
// routes single commands, but a WAIT must follow its script to the same node on the same
// connection. So the redirections are followed here.
type durableCall struct {
	s      *Store
	script *script
	keys   []string
	args   []any

	node   *redis.Client // the node to ask instead of the slot's owner; nil: the owner
	asking bool
	load   bool // the node does not know the script: send its source
}

func (c *durableCall) try(ctx context.Context) (any, error) {
	node := c.node
	if node == nil {
		var err error
		if node, err = c.s.master(ctx, c.keys[0]); err != nil {
			return nil, fmt.Errorf("find node: %w", err)
		}
	}
	var cmd *redis.Cmd
	acked := c.s.wait(ctx)
	_, _ = node.Pipelined(ctx, func(p redis.Pipeliner) error {
		if c.asking {
			p.Do(ctx, "asking")
		}
		if c.load {
			cmd = c.script.Eval(ctx, p, c.keys, c.args...)
		} else {
			cmd = c.script.EvalSha(ctx, p, c.keys, c.args...)
		}
		return p.Process(ctx, acked)
	})
	v, err := value(cmd)
	if err != nil {
		return nil, err
	}
	return v, c.s.enough(acked)
}

// wait returns the command that asks how many replicas have what its connection wrote.
func (s *Store) wait(ctx context.Context) *redis.IntCmd {
	return redis.NewIntCmd(ctx, "wait", s.durability.Replicas, s.waitTimeout.Milliseconds())
}

// enough returns followup.ErrNotDurable if wait's answer counts too few replicas.
func (s *Store) enough(acked *redis.IntCmd) error {
	n, err := acked.Result()
	if err != nil {
		return fmt.Errorf("wait for replicas: %w", err)
	}
	if n < int64(s.durability.Replicas) {
		return fmt.Errorf("%d of %d replicas: %w", n, s.durability.Replicas, followup.ErrNotDurable)
	}
	return nil
}

// follow decides what to do after an error: whether to try again, and whether to pause before.
func (c *durableCall) follow(ctx context.Context, err error) (again, slow bool) {
	c.node, c.asking = nil, false
	switch {
	case ctx.Err() != nil:
		return false, false
	case redis.HasErrorPrefix(err, "NOSCRIPT"):
		c.load = true
		return true, false
	case redis.IsTryAgainError(err):
		return true, true
	}
	if addr, ok := redis.IsAskError(err); ok {
		c.node = c.s.nodeAt(ctx, addr)
		c.asking = c.node != nil
		return true, c.node == nil // a node that serves no slot yet is unknown; it is known once it serves this slot
	}
	if addr, ok := redis.IsMovedError(err); ok {
		c.s.reload(ctx)
		c.node = c.s.nodeAt(ctx, addr)
		return true, c.node == nil
	}
	if lost(err) {
		c.s.reload(ctx)
		return true, true
	}
	return false, false
}

// lost reports whether a node could not be asked, or cannot serve at the moment.
func lost(err error) bool {
	return broken(err) || redis.IsClusterDownError(err) || redis.IsLoadingError(err) ||
		redis.IsReadOnlyError(err) || redis.IsMasterDownError(err)
}

// broken reports whether a node did not answer.
func broken(err error) bool {
	_, ofNet := errors.AsType[net.Error](err)
	return ofNet || errors.Is(err, io.EOF) || errors.Is(err, redis.ErrPoolTimeout)
}

// master returns the master that serves a key.
func (s *Store) master(ctx context.Context, key string) (*redis.Client, error) {
	switch db := s.db.(type) {
	case *redis.Client:
		return db, nil
	case *redis.ClusterClient:
		return db.MasterForKey(ctx, key)
	}
	return nil, errClient
}

func (s *Store) reload(ctx context.Context) {
	if db, ok := s.db.(*redis.ClusterClient); ok {
		db.ReloadState(ctx)
	}
}

// nodeAt returns the master that listens at addr; nil if none is known.
func (s *Store) nodeAt(ctx context.Context, addr string) *redis.Client {
	var mu sync.Mutex
	var found *redis.Client
	_ = s.eachNode(ctx, func(_ context.Context, node *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		if node.Options().Addr == addr || node.Options().NodeAddress == addr {
			found = node
		}
		return nil
	})
	return found
}

// eachNode calls f for every master, concurrently if there are several. Any node may be asked who
// they are. A node that has lost its file knows of no master, so then another node is asked.
func (s *Store) eachNode(ctx context.Context, f func(context.Context, *redis.Client) error) error {
	switch db := s.db.(type) {
	case *redis.Client:
		return f(ctx, db)
	case *redis.ClusterClient:
		var called atomic.Bool
		for range maxHops {
			err := db.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
				called.Store(true)
				return f(ctx, node)
			})
			if err != nil || called.Load() {
				return err
			}
		}
		return errNoMaster
	}
	return errClient
}

func isMoved(err error) bool {
	_, ok := redis.IsMovedError(err)
	return ok
}
