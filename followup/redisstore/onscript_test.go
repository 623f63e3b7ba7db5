package redisstore

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

var errCrash = errors.New("crash")

// moments names the moment just before each script of a merge.
var moments = map[*script]string{
	mergeOutScript: "before the tombstone",
	mergeInScript:  "before the import",
	importScript:   "before the dead letters move",
	realiasScript:  "before the identities move",
	eraseScript:    "before the loser is cleared",
	nameScript:     "before the lead learns its identities",
}

// before returns scripts of a merge by the moments before them, as moments names these.
func before(scripts ...*script) map[string]*script {
	named := make(map[string]*script, len(scripts))
	for _, s := range scripts {
		named[moments[s]] = s
	}
	return named
}

// onScript is a client hook that calls around in place of each call of one script. around makes the
// call itself, if it wants to.
type onScript struct {
	script *script
	around func(ctx context.Context, call func() error) error
}

func (h *onScript) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *onScript) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if !calls(cmd, h.script) {
			return next(ctx, cmd)
		}
		err := h.around(ctx, func() error { return next(ctx, cmd) })
		if errors.Is(err, errCrash) {
			cmd.SetErr(err)
		}
		return err
	}
}

// calls reports whether a command calls the script, by its hash or with its source.
func calls(cmd redis.Cmder, script *script) bool {
	args := cmd.Args()
	if len(args) < 2 {
		return false
	}
	text, _ := args[1].(string)
	return text == script.Hash() || cmd.Name() == "eval" && redis.NewScript(text).Hash() == script.Hash()
}

func (h *onScript) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// crashBefore fails each call of a script without making it: Redis is left as by a process that
// died just before.
func crashBefore(script *script) *onScript {
	return &onScript{script, func(context.Context, func() error) error { return errCrash }}
}

// dieResolving has a process of its own resolve an identity and die before the script.
func dieResolving(
	t *testing.T, server *redistest.Server, script *script, tenant followup.TenantID, who followup.Identity, at time.Time,
) {
	t.Helper()
	dying := server.Client()
	dying.AddHook(crashBefore(script))
	if _, err := openStore(t, Params{Client: dying}).Resolve(t.Context(), tenant, who, true, at); !errors.Is(err, errCrash) {
		t.Fatalf("Resolve: got %v, want the crash", err)
	}
}

// crashAt fails the n-th call of a script without making it. A call that Redis refuses because it
// has yet to load the script does not count: the client makes it again.
func crashAt(script *script, n int) *onScript {
	return &onScript{script, func(_ context.Context, call func() error) error {
		if n--; n == 0 {
			return errCrash
		}
		err := call()
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			n++
		}
		return err
	}}
}

// meanwhile runs do before the first call of a script: after the script's caller has read, and
// before it writes.
func meanwhile(script *script, do func()) *onScript {
	done := false
	return &onScript{script, func(_ context.Context, call func() error) error {
		if !done {
			done = true
			do()
		}
		return call()
	}}
}

// twice makes each call of a script twice, as after a lost answer, and appends to wrote how many
// changes the second call made.
func twice(script *script, db redis.UniversalClient, wrote *[]int) *onScript {
	return &onScript{script, func(ctx context.Context, call func() error) error {
		if err := call(); err != nil {
			return err
		}
		before := changesOf(ctx, db)
		err := call()
		*wrote = append(*wrote, changesOf(ctx, db)-before)
		return err
	}}
}

// countChanges adds to wrote how many changes the calls of a script make.
func countChanges(script *script, db redis.UniversalClient, wrote *int) *onScript {
	return &onScript{script, func(ctx context.Context, call func() error) error {
		before := changesOf(ctx, db)
		err := call()
		*wrote += changesOf(ctx, db) - before
		return err
	}}
}

// changesOf returns how many changes Redis has counted since it last saved, or -1 if it does not
// say.
func changesOf(ctx context.Context, db redis.UniversalClient) int {
	for line := range strings.Lines(db.Info(ctx, "persistence").Val()) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "rdb_changes_since_last_save:"); ok {
			n, _ := strconv.Atoi(v)
			return n
		}
	}
	return -1
}
