package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// storyWithin bounds the story. It takes eight or twelve seconds, or four times as long with the
// slower clock; a machine that needs more has other troubles.
const storyWithin = 90 * time.Second

// slower is the factor by which the clock is slowed down for a machine that did not keep up.
const slower = 4

var (
	errNotHappened = errors.New("did not happen")
	errBehind      = errors.New("this machine is too busy for so fast a clock: windows closed before everything in them had happened")
	errTooLong     = fmt.Errorf("the story was not complete within %v", storyWithin)
)

// Run plays the story and prints it to out. If the machine does not keep up with the clock, Run
// plays the story again with a slower one. If once is set, Run returns when the story is complete;
// otherwise the world goes on until ctx ends, for the user to try things. The error says what did
// not go as it should. An interruption is an error only if once is set.
func Run(ctx context.Context, once bool, out io.Writer, log *slog.Logger) error {
	return play(ctx, part{once: once, out: out, log: log})
}

// part configures a performance.
type part struct {
	once bool
	out  io.Writer
	log  *slog.Logger
	// meddle, if set, is called after the world has started and before the story begins. Tests
	// use it to make things go wrong.
	meddle func(*world)
}

func play(ctx context.Context, p part) error {
	day := dayLive
	if p.once {
		day = dayOnce
	}
	err := p.at(ctx, day)
	if errors.Is(err, errBehind) {
		newNarrator(p.out).print("", "  This machine is too busy for so fast a clock. Starting again with a slower one.")
		err = p.at(ctx, slower*day)
	}
	return err
}

// at plays the story with a clock by which a day takes the given real time.
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

// perform plays the story in the world and, unless once is set, lets the world go on until ctx ends.
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
