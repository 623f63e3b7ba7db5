package redisstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/providers"
)

// failAtWrite returns a hook that runs before each call of the script in lua/<file>.lua. It runs
// the script in a form that fails at its n-th write, and sets failed if it came to that write.
func failAtWrite(s *script, file string, n int, db redis.UniversalClient, failed *bool) redis.Hook {
	src := source(file)
	text := fmt.Sprintf(`local whole, left = redis, %d
local redis = { call = function(name, ...)
  if name == 'HSET' or name == 'HDEL' or name == 'RPUSH' or name == 'LTRIM' or name == 'ZADD' or name == 'PEXPIRE' then
    left = left - 1
    if left == 0 then error('broken off') end
  end
  return whole.call(name, ...)
end }
`, n) + link(needed(src), src)
	return &beforeCall{s.Hash(), func(ctx context.Context, args []any) {
		err := db.Do(ctx, append([]any{"EVAL", text}, args...)...).Err()
		*failed = *failed || err != nil && strings.Contains(err.Error(), "broken off")
	}}
}

// beforeCall is a client hook that runs before ahead of each call of a script. args are what
// follows the script's hash.
type beforeCall struct {
	hash   string
	before func(ctx context.Context, args []any)
}

func (h *beforeCall) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *beforeCall) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if args := cmd.Args(); len(args) > 2 && args[1] == h.hash {
			h.before(ctx, args[2:])
		}
		return next(ctx, cmd)
	}
}

func (h *beforeCall) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if args := cmd.Args(); len(args) > 2 && args[1] == h.hash {
				h.before(ctx, args[2:])
			}
		}
		return next(ctx, cmds)
	}
}

// TestI4InterruptedScriptKeepsWindowOpeners breaks off a script that changes a lead's identities,
// at each of its writes, and runs it again. Every window must then belong to the contact that it
// would have belonged to without the interruption.
func TestI4InterruptedScriptKeepsWindowOpeners(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	both := followup.Identity{Phone: "15550100001", UserID: "US.1"}
	for name, row := range map[string]struct {
		script *script
		file   string
		leads  []followup.Identity
		do     func(s *Store, p party, lead followup.LeadID) error
	}{
		"another user id is put": {putScript, "put", []followup.Identity{both}, func(s *Store, p party, lead followup.LeadID) error {
			l, err := s.Lead(t.Context(), p.tenant, lead)
			if err != nil {
				return err
			}
			l.Phone, l.UserID = "", "US.2"
			_, err = s.PutLead(t.Context(), followup.PutLead{Lead: l, Now: epoch.Add(time.Hour), Real: epoch.Add(time.Hour)})
			return err
		}},
		"an identity is added": {nameScript, "name", []followup.Identity{{UserID: both.UserID}}, func(s *Store, p party, _ followup.LeadID) error {
			_, err := s.Resolve(t.Context(), p.tenant, both, true, epoch.Add(time.Hour))
			return err
		}},
		"the lead is merged": {mergeInScript, "merge_in", []followup.Identity{{Phone: both.Phone}, {UserID: both.UserID}}, func(s *Store, p party, _ followup.LeadID) error {
			_, err := s.Resolve(t.Context(), p.tenant, both, true, epoch.Add(time.Hour))
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := ""
			for n, failed := 0, true; failed; n++ {
				client := server.Client()
				s, p := openStore(t, Params{Client: client}), newParty()
				p.channel = "c0"
				var leads []followup.LeadID
				for i, who := range row.leads {
					at := epoch.Add(time.Duration(i) * time.Minute)
					leads = append(leads, mustResolve(t, s, p, who, at))
					for _, c := range []followup.ChannelID{"c0", followup.ChannelID(fmt.Sprint("c", i+1))} {
						st := p.message(fmt.Sprint(i, c), at)
						st.Lead, st.Contact = leads[i], providers.Contact{Phone: who.Phone, UserID: who.UserID}
						st.Items[0].Channel, st.Items[0].Opens, st.Items[0].Reply = c, true, true
						if _, err := s.Settle(t.Context(), st); err != nil {
							t.Fatal(err)
						}
					}
				}
				failed = n == 0
				if n > 0 {
					client.AddHook(failAtWrite(row.script, row.file, n, server.Client(), &failed))
				}
				if err := row.do(s, p, leads[0]); err != nil {
					t.Fatal(err)
				}
				fields := s.db.HGetAll(t.Context(), s.tag(leads[0]).lead(leads[0])).Val()
				maps.DeleteFunc(fields, func(f, _ string) bool { return !strings.HasPrefix(f, "w") })
				got := ""
				for _, f := range slices.Sorted(maps.Keys(fields)) {
					got += f + "=" + fields[f] + "\n"
				}
				if n == 0 {
					want = got
				} else if got != want {
					t.Errorf("broken off at write %d:\n got %s\nwant %s", n, got, want)
				}
			}
		})
	}
}
