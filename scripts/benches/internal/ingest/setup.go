package ingest

import (
	"context"
	"fmt"
	"time"

	"wagate/scripts/benches/internal/load"
	"wagate/scripts/internal/figure"
)

// startUp measures how soon wagate listens.
func (s *suite) startUp(ctx context.Context) error {
	redis, err := s.StartRedis(ctx)
	if err != nil {
		return err
	}
	nobody, err := s.Refused()
	if err != nil {
		return err
	}
	var took []float64
	for i := range s.sizes.starts {
		w := &world{redis: redis}
		if err := w.start(ctx, s.Bench, nobody); err != nil {
			return err
		}
		took = append(took, figure.Milliseconds(w.wagate.Listened))
		s.Printf("run start %d/%d wagate: %.1f ms\n", i+1, s.sizes.starts, took[i])
		w.wagate.Stop()
	}
	redis.Stop()
	s.Judge("start_ms", figure.Median(took...), figure.AtMost(50))
	return nil
}

// The names of the sides.
const (
	nameBare  = "bare"
	nameIdle  = "idle"
	nameRelay = "relaying"
)

const (
	// warm is how long the bare side is used before anything counts.
	warm = 300 * time.Millisecond
	// longest bounds runs that end when their requests are used up.
	longest = time.Minute
)

// sides starts all sides and lets every lead write once.
func (s *suite) sides(ctx context.Context) error {
	bare, err := s.StartChild(ctx, roleBare)
	if err != nil {
		return err
	}
	var at standing
	if err := bare.Ask(struct{}{}, &at); err != nil {
		return err
	}
	s.bare = newSide(s.client, at.Addr, s.sizes.leads)
	s.bare.bare = bare
	if _, err := s.bare.run(ctx, texts, load.Plan{Connections: crowd, For: warm}); err != nil {
		return err
	}
	if s.idle, err = s.newIdle(ctx, s.sizes.leads); err != nil {
		return err
	}
	if s.relay, err = s.newRelaying(ctx); err != nil {
		return err
	}
	for name, side := range map[string]*side{nameIdle: s.idle, nameRelay: s.relay} {
		r, err := side.once(ctx, s.sizes.leads)
		if err != nil {
			return err
		}
		s.Printf("run new leads %s: %s\n", name, r)
		if name == nameIdle {
			s.Figure("texts_new_leads_idle_per_s", r.rate)
		}
		if err := side.world.drain(ctx); err != nil {
			return err
		}
	}
	return nil
}

// newIdle returns a world whose assistant refuses connections.
func (s *suite) newIdle(ctx context.Context, leads int) (*side, error) {
	nobody, err := s.Refused()
	if err != nil {
		return nil, err
	}
	w, err := newWorld(ctx, s.Bench, nobody)
	if err != nil {
		return nil, err
	}
	side := newSide(s.client, w.wagate.Public, leads)
	side.world = w
	return side, nil
}

// newRelaying returns a world whose assistant takes everything.
func (s *suite) newRelaying(ctx context.Context) (*side, error) {
	assistant, err := s.StartChild(ctx, roleAssistant)
	if err != nil {
		return nil, err
	}
	var r received
	if err := assistant.Ask(watch{}, &r); err != nil {
		return nil, err
	}
	w, err := newWorld(ctx, s.Bench, r.Addr)
	if err != nil {
		return nil, err
	}
	w.assistant = assistant
	side := newSide(s.client, w.wagate.Public, s.sizes.leads)
	side.world = w
	return side, nil
}

// once posts n texts, within longest.
func (s *side) once(ctx context.Context, n int) (sample, error) {
	r, err := s.post(ctx, texts, load.Plan{Connections: crowd, For: longest}, n)
	if err == nil && r.requests != n {
		err = fmt.Errorf("posted %d of %d texts within %s", r.requests, n, longest)
	}
	return r, err
}

// Where wagate remembers the events it has seen: in keys, or in a field of leads' hashes. See
// package redisstore.
const (
	dedupKeys  = "{p*}:d:*"
	leadKeys   = "{p*}:l:*"
	dedupField = "fs"
)

// dedup measures how many bytes it takes to remember an event, for leads with few and with many
// events.
func (s *suite) dedup(ctx context.Context) error {
	for _, each := range []int{1, 10, 100} {
		leads := max(s.sizes.few/each, 1)
		side, err := s.newIdle(ctx, leads)
		if err != nil {
			return err
		}
		if _, err := side.once(ctx, leads*each); err != nil {
			return err
		}
		keys, bytes, err := side.world.redis.Memory(ctx, dedupKeys)
		if err != nil {
			return err
		}
		fields, more, err := side.world.redis.Packed(ctx, leadKeys, dedupField)
		if err != nil {
			return err
		}
		if keys+fields != leads {
			return fmt.Errorf("%d leads have first sights in %d keys and %d fields", leads, keys, fields)
		}
		bytes += more
		perID := float64(bytes) / float64(leads*each)
		s.Printf("run dedup: %d leads with %d events each: %d keys and %d fields, %d bytes\n", leads, each, keys, fields, bytes)
		s.Judge(fmt.Sprintf("dedup_bytes_per_id_%d", each), perID, figure.AtMost(96))
		side.world.wagate.Stop()
		side.world.redis.Stop()
	}
	return nil
}
