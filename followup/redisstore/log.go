package redisstore

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// LogTo makes the Redis client log to log, at debug level. By default the client writes about its
// connections to standard error, in a form of its own. The setting is global to the process: a
// program calls LogTo once, before it opens a store.
func LogTo(log *slog.Logger) { redis.SetLogger(clientLog{log.With("component", "redis")}) }

// clientLog is the logger of the Redis client.
type clientLog struct{ log *slog.Logger }

func (l clientLog) Printf(ctx context.Context, format string, v ...any) {
	// At debug level: a caller whose call fails for such a reason reports the error itself.
	l.log.DebugContext(ctx, "redis client", "says", fmt.Sprintf(format, v...))
}
