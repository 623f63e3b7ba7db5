package outbound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"wagate/followup"
	"wagate/followup/rescue"
	"wagate/providers"
)

// Lister lists the templates of one account.
type Lister func(ctx context.Context) ([]providers.TemplateInfo, error)

// TemplateAccount is where a channel's templates are.
type TemplateAccount struct {
	// Name is what its notes are kept under; see followup.TemplateStore.
	Name string
	List Lister
}

// TemplateNotes is where what webhooks said of templates is kept, for all
// replicas; followup.TemplateStore is it.
type TemplateNotes interface {
	TemplateNote(ctx context.Context, account, name, language string) (followup.TemplateNote, error)
}

// TemplatesParams says what a registry works with; all is required.
type TemplatesParams struct {
	Accounts map[followup.ChannelID]TemplateAccount
	Notes    TemplateNotes
	Real     func() time.Time
	Logger   *slog.Logger
}

// Templates remembers what the accounts' template lists say, and asks the store
// for what webhooks said since. It implements followup.Templates. Of the list it
// is advice: while that cannot be read and nothing was said, nothing is known, and
// the provider's own answer decides.
type Templates struct {
	accounts map[followup.ChannelID]*account
	notes    TemplateNotes
	real     func() time.Time
	log      *slog.Logger
}

var _ followup.Templates = (*Templates)(nil)

type account struct {
	TemplateAccount

	mu      sync.Mutex
	known   map[templateKey]providers.TemplateInfo
	asOf    time.Time // when known was asked for; zero: there is none
	failed  time.Time // when reading last failed
	due     time.Time // a list asked for before this is out of date from then on
	reading chan struct{}
	began   time.Time // of reading
}

type templateKey struct{ name, language string }

const (
	// templateTTL is how long a list is believed.
	templateTTL = 10 * time.Minute
	// templateRetry is how long a list that could not be read is left alone.
	templateRetry = time.Minute
	// templateWait is how long a reading is waited for where none ever succeeded.
	templateWait = 3 * time.Second
	// templateRead bounds one reading of a list.
	templateRead = 30 * time.Second
	// templateLag is how long after a webhook said something a list may still not
	// show it. It also bounds how often a busy account's list is read.
	templateLag = time.Minute
)

// NewTemplates returns a registry of the channels' templates.
func NewTemplates(p TemplatesParams) *Templates {
	t := &Templates{
		accounts: map[followup.ChannelID]*account{}, notes: p.Notes, real: p.Real, log: p.Logger.With("component", "templates"),
	}
	for c, a := range p.Accounts {
		t.accounts[c] = &account{TemplateAccount: a}
	}
	return t
}

// Template implements followup.Templates.
func (t *Templates) Template(
	ctx context.Context, channel followup.ChannelID, name, language string,
) (providers.TemplateInfo, bool, error) {
	a, ok := t.accounts[channel]
	if !ok {
		return providers.TemplateInfo{}, false, nil
	}
	t.await(ctx, channel, a)
	note, err := t.notes.TemplateNote(ctx, a.Name, name, language) // last, and nothing between it and the answer
	if err != nil {
		return providers.TemplateInfo{}, false, fmt.Errorf("template: %w", err)
	}
	info, ok := a.look(templateKey{name, providers.NormalLanguage(language)}, note)
	return info, ok, nil
}

// look answers from the list, and from what was said that it may not show yet.
func (a *account) look(key templateKey, note followup.TemplateNote) (providers.TemplateInfo, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if due := note.At.Add(templateLag); !note.At.IsZero() && due.After(a.due) {
		a.due = due
	}
	info, known := a.known[key]
	if !known {
		info = providers.TemplateInfo{Name: key.name, Language: key.language, Params: -1}
	}
	for _, said := range []struct {
		followup.TemplateWord

		of *string
	}{{note.Status, &info.Status}, {note.Category, &info.Category}, {note.Quality, &info.Quality}} {
		if said.Word != "" && !a.asOf.After(said.At.Add(templateLag)) {
			*said.of, known = said.Word, true
		}
	}
	if !known {
		return providers.TemplateInfo{}, false
	}
	return info, true
}

// await has the list read if that is due, and waits for it, for a while, if there
// is none at all.
func (t *Templates) await(ctx context.Context, channel followup.ChannelID, a *account) {
	reading, left := t.refresh(channel, a)
	if reading == nil {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-reading:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// refresh starts a reading if one is due, and returns what to wait on, and how
// long, if nothing is known before it ends.
func (t *Templates) refresh(channel followup.ChannelID, a *account) (<-chan struct{}, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := t.real()
	outdated := a.asOf.Before(a.due) && !now.Before(a.due)
	fresh := !a.asOf.IsZero() && now.Sub(a.asOf) < templateTTL && !outdated
	if a.reading == nil && !fresh && (a.failed.IsZero() || now.Sub(a.failed) >= templateRetry) {
		a.reading, a.began = make(chan struct{}), now
		go t.readList(channel, a, now)
	}
	if a.reading == nil || a.known != nil {
		return nil, 0
	}
	return a.reading, max(0, a.began.Add(templateWait).Sub(now))
}

// errPanic: reading a list panicked, which the log has.
var errPanic = errors.New("outbound: internal error")

// readList reads the list as it is now.
func (t *Templates) readList(channel followup.ChannelID, a *account, now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), templateRead)
	defer cancel()
	var list []providers.TemplateInfo
	err := errPanic
	rescue.Call(t.log, "reading templates panicked", func() { list, err = a.List(ctx) }, "channel", channel)
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.reading)
	a.reading = nil
	if err != nil {
		a.failed = t.real()
		t.log.Warn("templates not readable", "channel", channel, "err", err)
		return
	}
	a.known = make(map[templateKey]providers.TemplateInfo, len(list))
	for _, info := range list {
		a.known[templateKey{info.Name, providers.NormalLanguage(info.Language)}] = info
	}
	a.failed, a.asOf = time.Time{}, now
}
