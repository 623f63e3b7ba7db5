package redisstore

import (
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Embedded starts a Redis within this process, for the demo, the sandbox and tests. It returns a
// client of that Redis, and a function that stops both. The Redis listens on a free loopback port,
// behind a password that nobody else knows. It loses its data when the process ends. It expires
// nothing by itself: its keys grow old only by the clocks that scripts are given.
//
// In-memory connections would need no port, but they buffer nothing on the way: a pipeline longer
// than the peer's buffer blocks both sides for ever.
func Embedded() (client *redis.Client, stop func(), err error) {
	m := miniredis.NewMiniRedis()
	password := uuid.NewString()
	m.RequireAuth(password)
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, nil, fmt.Errorf("start embedded redis: %w", err)
	}
	client = redis.NewClient(&redis.Options{
		Addr: m.Addr(), Password: password, DisableIdentity: true, ContextTimeoutEnabled: true,
		// The server is in this process. If it does not answer, the process is busy, and there is
		// no other server to turn to.
		ReadTimeout: time.Minute, WriteTimeout: time.Minute,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	return client, func() {
		_ = client.Close()
		m.Close()
	}, nil
}
