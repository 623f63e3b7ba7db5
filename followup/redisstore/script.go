package redisstore

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup/poll"
)

//go:embed lua
var sources embed.FS

// script is a script; lead says that it is about one lead. Of a hasty one that meets keys whose slot is on
// its way nobody waits for that: others wait for what it is asked with, and it is asked again soon.
type script struct {
	*redis.Script

	lead, hasty bool
}

// load builds a script from lua/<name>.lua and what it uses of the libraries that it needs.
func load(name string) *script {
	src := source(name)
	return &script{Script: redis.NewScript(link(needed(src), src))}
}

// loadOfLead builds one that is about the lead of its first key.
func loadOfLead(name string) *script {
	s := load(name)
	s.lead = true
	return s
}

// loadHasty builds one that is hasty.
func loadHasty(name string) *script {
	s := load(name)
	s.hasty = true
	return s
}

func source(file string) string {
	src, err := sources.ReadFile("lua/" + file + ".lua")
	if err != nil {
		panic("redisstore: " + err.Error())
	}
	return string(src)
}

// run runs a script.
func (s *Store) run(ctx context.Context, sc *script, keys []string, args ...any) (any, error) {
	return s.submit(ctx, false, sc, keys, args)
}

// alone runs a script by itself. While a slot migrates, some of the keys may be
// here and some there: Redis says TRYAGAIN until they are together, and so do we,
// within the context's deadline.
func (s *Store) alone(ctx context.Context, durable bool, sc *script, keys []string, args []any) (any, error) {
	if durable {
		return s.aloneDurable(ctx, sc, keys, args)
	}
	moves := 0
	for wait := time.Millisecond; ; wait = min(2*wait, maxTryAgain) {
		v, err := value(sc.Run(ctx, s.db, keys, args...))
		if err == nil || sc.hasty && redis.IsTryAgainError(err) || !s.onItsWay(err, &moves) {
			return v, err
		}
		if err := poll.Sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("slot is migrating: %w", err)
		}
	}
}

// onItsWay says that the slot was moving, so that the same request is to be
// made again. The cluster client follows redirections itself, but it counts
// them together with TRYAGAIN: when the slot arrives just as it gives up, the
// redirection is what it returns. Those are followed a bounded number of times.
func (s *Store) onItsWay(err error, moves *int) bool {
	if redis.IsTryAgainError(err) {
		return true
	}
	if _, cluster := s.db.(*redis.ClusterClient); !cluster {
		return false
	}
	_, asked := redis.IsAskError(err)
	*moves++
	return (asked || isMoved(err)) && *moves <= maxHops
}

const maxTryAgain = 100 * time.Millisecond

// ms is an instant as scripts see it.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMS(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMilli(v).UTC()
}

// digest shortens a text of strangers to a fixed length.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}
