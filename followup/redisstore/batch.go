package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup/poll"
)

// job is one call of a script in a batch.
type job struct {
	keys []string
	args []any
}

// answer is the result of a job.
type answer struct {
	value any
	err   error
}

// runEach runs one script once per job, in one round trip per node. Within a pipeline nobody
// repairs a lost script cache or waits for a migrating slot, so runEach repeats the jobs that met
// either: with the script's source if the node did not know the script, and after a pause if the
// slot was moving. A script that is not to wait for a moving slot gets the error instead.
func (s *Store) runEach(ctx context.Context, script *script, jobs []job) []answer {
	answers := make([]answer, len(jobs))
	todo := make([]int, len(jobs))
	for i := range jobs {
		todo[i] = i
	}
	source, moves := map[int]bool{}, make([]int, len(jobs))
	for wait := time.Millisecond; len(todo) > 0; wait = min(2*wait, maxTryAgain) {
		cmds := make([]*redis.Cmd, len(todo))
		_, _ = s.db.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, n := range todo {
				if source[n] {
					cmds[i] = script.Eval(ctx, p, jobs[n].keys, jobs[n].args...)
				} else {
					cmds[i] = script.EvalSha(ctx, p, jobs[n].keys, jobs[n].args...)
				}
			}
			return nil
		})
		var again []int
		pause := false
		for i, n := range todo {
			v, err := cmds[i].Result()
			switch {
			case errors.Is(err, redis.Nil):
				v, err = nil, nil
			case redis.HasErrorPrefix(err, "NOSCRIPT") && !source[n]:
				source[n] = true
				again = append(again, n)
				continue
			case script.failFast && redis.IsTryAgainError(err):
			case err != nil && ctx.Err() == nil && s.slotMoving(err, &moves[n]):
				again = append(again, n)
				pause = true
				continue
			}
			answers[n] = answer{v, err}
		}
		todo = again
		if pause {
			_ = poll.Sleep(ctx, wait) // if ctx has ended, the next round returns its error
		}
	}
	return answers
}
