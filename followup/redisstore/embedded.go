package redisstore

import (
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Embedded starts a Redis within this process, for the demo, the sandbox and
// tests, and returns a client of it and what ends both. It listens on a free
// loopback port, behind a password nobody else knows. It keeps nothing when
// the process ends, and expires nothing by itself: its keys grow old only in
// the sense of the clocks that scripts are given.
//
// Its in-memory connections would need no port, but they hold no byte on the
// way: a pipeline longer than the peer's buffer stops both sides for ever.
func Embedded() (client *redis.Client, stop func(), err error) {
	m := miniredis.NewMiniRedis()
	password := uuid.NewString()
	m.RequireAuth(password)
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, nil, fmt.Errorf("start embedded redis: %w", err)
	}
	client = redis.NewClient(&redis.Options{
		Addr: m.Addr(), Password: password, DisableIdentity: true, ContextTimeoutEnabled: true,
		// It is here: what does not answer is this process, and nobody else to be had.
		ReadTimeout: time.Minute, WriteTimeout: time.Minute,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	return client, func() {
		_ = client.Close()
		m.Close()
	}, nil
}
