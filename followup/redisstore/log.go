package redisstore

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// LogTo sends what the Redis client has to say of its connections to log; by
// itself it writes to standard error in a form of its own. It is for the whole process, so a
// program calls it once, before it opens a store.
func LogTo(log *slog.Logger) { redis.SetLogger(clientLog{log.With("component", "redis")}) }

type clientLog struct{ log *slog.Logger }

func (l clientLog) Printf(ctx context.Context, format string, v ...any) {
	// Debug: what matters of it is said once by whoever could not do his work.
	l.log.DebugContext(ctx, "redis client", "says", fmt.Sprintf(format, v...))
}
