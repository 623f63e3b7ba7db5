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

// script is a Lua script and what its callers must know of it. lead says that the script is about
// the lead of its first key. failFast says that a call returns TRYAGAIN at once, and is not repeated
// while its slot migrates: work on other slots would have to wait, and the caller asks again soon.
type script struct {
	*redis.Script

	lead, failFast bool
}

// load builds a script from lua/<name>.lua and those parts of its libraries that it uses.
func load(name string) *script {
	src := source(name)
	return &script{Script: redis.NewScript(link(needed(src), src))}
}

// loadOfLead loads a script that is about the lead of its first key.
func loadOfLead(name string) *script {
	s := load(name)
	s.lead = true
	return s
}

// loadFailFast loads a script that is failFast.
func loadFailFast(name string) *script {
	s := load(name)
	s.failFast = true
	return s
}

func source(file string) string {
	src, err := sources.ReadFile("lua/" + file + ".lua")
	if err != nil {
		panic("redisstore: " + err.Error())
	}
	return string(src)
}

// run runs a script whose effect is promised to nobody: it does not wait for replicas.
func (s *Store) run(ctx context.Context, sc *script, keys []string, args ...any) (any, error) {
	return s.submit(ctx, false, sc, keys, args)
}

// alone runs a script outside the lanes. While its slot migrates, some of the keys may be on one
// node and some on the other, and Redis answers TRYAGAIN. Unless the script is failFast, alone then
// repeats the call until the keys are together or ctx ends.
func (s *Store) alone(ctx context.Context, durable bool, sc *script, keys []string, args []any) (any, error) {
	if durable {
		return s.aloneDurable(ctx, sc, keys, args)
	}
	moves := 0
	for wait := time.Millisecond; ; wait = min(2*wait, maxTryAgain) {
		v, err := value(sc.Run(ctx, s.db, keys, args...))
		if err == nil || sc.failFast && redis.IsTryAgainError(err) || !s.slotMoving(err, &moves) {
			return v, err
		}
		if err := poll.Sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("slot is migrating: %w", err)
		}
	}
}

// slotMoving reports whether err says that the slot is moving, so that the same request must be
// made again. The cluster client follows redirections itself, but it counts them together with
// TRYAGAIN: when the slot arrives just as the client gives up, it returns the redirection.
// Of those slotMoving accepts maxHops per request, which moves counts.
func (s *Store) slotMoving(err error, moves *int) bool {
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

// ms returns an instant as scripts see it: Unix milliseconds, 0 for the zero time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMS is the inverse of ms; its times are in UTC.
func fromMS(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMilli(v).UTC()
}

// digest shortens a text that somebody outside chose to a fixed length, for use in a key.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}
