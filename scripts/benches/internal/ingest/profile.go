package ingest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"wagate/scripts/benches/internal/load"
)

// profiled is how long a profile runs, in seconds.
const profiled = 5

// profile, if asked to, takes profiles of wagate in runs that count for no figure: where it spends
// time, what it allocates, what it asks of Redis.
func (s *suite) profile(ctx context.Context) error {
	if s.Profiles == "" {
		return nil
	}
	p := load.Plan{Connections: crowd, For: (profiled + 1) * time.Second}
	for _, of := range []struct {
		name string
		side *side
		kind kind
	}{
		{"texts-idle", s.idle, texts},
		{"texts-relaying", s.relay, texts},
		{"batches-idle", s.idle, batches},
		{"statuses-idle", s.idle, statuses},
	} {
		if of.kind == statuses && of.side.sent == "" {
			continue // nothing was sent
		}
		s.idle.ration = s.sizes.sent * len(states) // all that are left
		var r sample
		group, within := errgroup.WithContext(ctx)
		for file, what := range map[string]string{"cpu": "profile", "allocs": "allocs"} {
			group.Go(func() error {
				return of.side.world.wagate.Profile(within, s.Profiles, of.name+"."+file,
					fmt.Sprintf("%s?seconds=%d", what, profiled))
			})
		}
		before, err := of.side.world.redis.Commands(ctx)
		if err != nil {
			return err
		}
		group.Go(func() (err error) {
			r, err = of.side.as(of.name, of.kind, p).Run(within)
			return err
		})
		if err := group.Wait(); err != nil {
			return err
		}
		after, err := of.side.world.redis.Commands(ctx)
		if err != nil {
			return err
		}
		s.Printf("profile %s: %s\n", of.name, r)
		file := filepath.Join(s.Profiles, of.name+".redis")
		if err := os.WriteFile(file, []byte(before+"\n"+after), 0o600); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
	}
	return nil
}
