package demo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// event is a kind of note in the journal.
type event int

const (
	eventHeard    event = iota // the assistant heard a message of a lead
	eventAnswered              // the assistant's own message was accepted by wagate
	eventAsked                 // the model was asked for a text
	eventReached               // a provider accepted a message for a lead
	eventStep                  // the assistant was told how a step ended
	eventEnded                 // the assistant was told that a run ended
)

// note is what some part of the world saw, and when.
type note struct {
	event   event
	who     *person // nil: nobody of the cast
	at      time.Time
	id      string // of the message
	text    string
	step    int // counting from 1
	outcome string
	reason  string
}

// journal is what happened so far, in order. The story waits for what it tells.
type journal struct {
	mu      sync.Mutex
	notes   []note
	changed chan struct{} // closed and replaced with every note
}

func newJournal() *journal { return &journal{changed: make(chan struct{})} }

func (j *journal) add(n note) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.notes = append(j.notes, n)
	close(j.changed)
	j.changed = make(chan struct{})
}

// all returns the notes that match.
func (j *journal) all(match func(note) bool) []note {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(j.notes), func(n note) bool { return !match(n) })
}

// wait returns the first note that matches, now or later. what says, in the
// error, what was waited for.
func (j *journal) wait(ctx context.Context, within time.Duration, what string, match func(note) bool) (note, error) {
	late := fmt.Errorf("%w within %v: %s", errNotHappened, within.Round(time.Second), what)
	ctx, cancel := context.WithTimeoutCause(ctx, within, late)
	defer cancel()
	for {
		j.mu.Lock()
		i, changed := slices.IndexFunc(j.notes, match), j.changed
		var found note
		if i >= 0 {
			found = j.notes[i]
		}
		j.mu.Unlock()
		if i >= 0 {
			return found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return note{}, context.Cause(ctx)
		}
	}
}
