package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// storyWithin bounds the story: it takes eight or twelve seconds, four times as long
// where it is played again, and a machine that needs more has other worries.
const storyWithin = 90 * time.Second

// slower is by how much the clock is slowed down on a machine that did not keep up.
const slower = 4

var (
	errNotHappened = errors.New("did not happen")
	errBehind      = errors.New("the machine is too busy for so fast a clock: windows closed before what was to happen in them")
	errTooLong     = fmt.Errorf("the story was not complete within %v", storyWithin)
)

// Run plays the story to out, once more with a slower clock if the machine does not
// keep up with the first. With once it returns when the story is complete;
// else it lives on until ctx ends, to be played with. The error says what went
// otherwise than it should.
func Run(ctx context.Context, once bool, out io.Writer, log *slog.Logger) error {
	return play(ctx, part{once: once, out: out, log: log})
}

// part is what a performance may be told.
type part struct {
	once bool
	out  io.Writer
	log  *slog.Logger
	// meddle, if set, is called when the world is there and before the story
	// begins: tests make things go wrong with it.
	meddle func(*world)
}

func play(ctx context.Context, p part) error {
	day := dayLive
	if p.once {
		day = dayOnce
	}
	err := p.at(ctx, day)
	if errors.Is(err, errBehind) {
		newNarrator(p.out).print("", "  This machine is too busy for so fast a clock: from the beginning, with a slower one.")
		err = p.at(ctx, slower*day)
	}
	return err
}

// at plays it with a clock by which a day takes so long.
func (p part) at(ctx context.Context, day time.Duration) error {
	w, err := newWorld(ctx, day, newNarrator(p.out), p.log)
	if err == nil {
		if p.meddle != nil {
			p.meddle(w)
		}
		err = w.perform(ctx, p.once)
	}
	if end := w.stop(); end != nil {
		err = errors.Join(err, fmt.Errorf("stop the demo: %w", end))
	}
	return err
}

func (w *world) perform(ctx context.Context, once bool) error {
	s := newStory(w)
	within, cancel := context.WithTimeoutCause(ctx, storyWithin, errTooLong)
	defer cancel()
	err := s.tell(within)
	switch {
	case ctx.Err() != nil && once:
		return errors.New("interrupted before the story was complete")
	case ctx.Err() != nil:
		return nil
	case err != nil || once:
		return err
	}
	return w.live(ctx)
}
