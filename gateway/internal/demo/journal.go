package demo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// event is the kind of a note in the journal.
type event int

const (
	eventHeard    event = iota // the assistant received a lead's message
	eventAnswered              // the assistant sent an answer to wagate; reason is empty if wagate accepted it
	eventAsked                 // the model was asked for a text
	eventReached               // a provider accepted a message for a lead
	eventStep                  // the assistant was told how a step ended
	eventEnded                 // the assistant was told that a run ended
)

// note is something that a part of the world saw, and when.
type note struct {
	event   event
	who     *person // nil if it is none of the cast
	at      time.Time
	id      string // the message's id
	text    string
	step    int // counting from 1
	outcome string
	reason  string
}

// journal has what has happened so far, in order. The story waits for its notes.
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

// wait returns the first note that matches. If there is none yet, it waits for one, at most for
// within. Its error then is errNotHappened with what, which describes the note.
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
