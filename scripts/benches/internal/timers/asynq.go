package timers

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/internal/proc"
)

const (
	// rivalCallers is how many callers ask asynq at once; more are no faster.
	rivalCallers = 16
	// rivalWorkers is how many handlers asynq has.
	rivalWorkers = 64
	// rivalCheck is how often asynq looks for due tasks when it is to be fast. Its default is every
	// five seconds.
	rivalCheck = 100 * time.Millisecond

	rivalTask  = "step"
	rivalQueue = "default"
)

// rival is asynq's side: a client and a Redis of its own.
type rival struct {
	redis  *proc.Redis
	opt    asynq.RedisConnOpt
	client *asynq.Client
}

func newRival(ctx context.Context, b *bench.Bench) (*rival, error) {
	redis, err := b.StartRedis(ctx)
	if err != nil {
		return nil, err
	}
	opt, err := asynq.ParseRedisURI(redis.URL)
	if err != nil {
		return nil, err
	}
	return &rival{redis: redis, opt: opt, client: asynq.NewClient(opt)}, nil
}

func (r *rival) close() {
	_ = r.client.Close()
	r.redis.Stop()
}

// payload is what a step of ours knows, as asynq passes it to a handler.
type payload struct {
	Index     int    `json:"i"`
	Tenant    string `json:"tenant"`
	Lead      string `json:"lead"`
	Assistant string `json:"assistant"`
	Config    string `json:"config"`
	Channel   string `json:"channel"`
	Ladder    string `json:"ladder"`
	Status    string `json:"status"`
	Step      int    `json:"step"`
	Started   int64  `json:"started"`
}

// schedule enqueues the i-th task and returns its id.
func (r *rival) schedule(ctx context.Context, i int, when asynq.Option) (string, error) {
	body, err := json.Marshal(payload{
		Index: i, Tenant: string(tenantOf(i)), Lead: id("1e", i), Assistant: string(assistantOf(i)), Config: string(configOf(i)),
		Channel: string(channelOf(i)), Ladder: string(sent.Hash()), Status: triggerStatus, Started: time.Now().UnixMilli(),
	})
	if err != nil {
		return "", err
	}
	info, err := r.client.EnqueueContext(ctx, asynq.NewTask(rivalTask, body), when)
	if err != nil {
		return "", err
	}
	return info.ID, nil
}

// fill enqueues n tasks and returns their ids and how long that took.
func (r *rival) fill(ctx context.Context, n int, when func(i int) asynq.Option) ([]string, time.Duration, error) {
	ids := make([]string, n)
	took, err := each(ctx, n, rivalCallers, func(ctx context.Context, i int) (err error) {
		ids[i], err = r.schedule(ctx, i, when(i))
		return err
	})
	return ids, took, err
}

// serve works off n tasks with a handler that calls took, if set, for each of them. It returns the
// time from the first to the last.
func (r *rival) serve(ctx context.Context, n int, check time.Duration, took func(i int)) (time.Duration, error) {
	began, ended, left := make(chan time.Time, 1), make(chan time.Time, 1), atomic.Int64{}
	left.Store(int64(n))
	server := asynq.NewServer(r.opt, asynq.Config{
		Concurrency: rivalWorkers, DelayedTaskCheckInterval: check, LogLevel: asynq.FatalLevel,
	})
	if err := server.Start(asynq.HandlerFunc(func(_ context.Context, t *asynq.Task) error {
		if took != nil {
			var p payload
			if err := json.Unmarshal(t.Payload(), &p); err != nil {
				return err
			}
			took(p.Index)
		}
		switch now := time.Now(); left.Add(-1) {
		case int64(n - 1):
			began <- now
		case 0:
			ended <- now
		}
		return nil
	})); err != nil {
		return 0, err
	}
	defer server.Shutdown()
	select {
	case last := <-ended:
		return last.Sub(<-began), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("asynq has %d of %d left: %w", left.Load(), n, ctx.Err())
	}
}
