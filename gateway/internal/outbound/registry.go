package outbound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
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
	// Name is what its notes are kept under; see followup.TemplateStore. Channels
	// whose accounts have one name are on one account.
	Name string
	// List lists its templates, by this channel's access to it.
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
	name  string
	lists []channelList // only for who reads; first, by which that last went well

	mu      sync.Mutex
	known   map[templateKey]providers.TemplateInfo
	asOf    time.Time // when known was asked for; zero: there is none
	failed  time.Time // when reading last failed
	due     time.Time // a list asked for before this is out of date from then on
	reading chan struct{}
	began   time.Time // of reading
}

// channelList is a list by one channel's access.
type channelList struct {
	channel followup.ChannelID
	read    Lister
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

// NewTemplates returns a registry of the channels' templates. An account is there
// once, however many channels are on it.
func NewTemplates(p TemplatesParams) *Templates {
	t := &Templates{
		accounts: map[followup.ChannelID]*account{}, notes: p.Notes, real: p.Real, log: p.Logger.With("component", "templates"),
	}
	named := map[string]*account{}
	for _, c := range slices.Sorted(maps.Keys(p.Accounts)) {
		of := p.Accounts[c]
		a := named[of.Name]
		if a == nil {
			a = &account{name: of.Name}
			named[of.Name] = a
		}
		a.lists = append(a.lists, channelList{c, of.List})
		t.accounts[c] = a
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
	t.await(ctx, a)
	note, err := t.notes.TemplateNote(ctx, a.name, name, language) // last, and nothing between it and the answer
	if err != nil {
		return providers.TemplateInfo{}, false, fmt.Errorf("template: %w", err)
	}
	info, ok := a.look(templateKey{name, providers.NormalLanguage(language)}, note)
	return info, ok, nil
}

// Listed has the channels' accounts listed where that is due, all at the same time,
// waits for them as Template does, and returns of which channels there is a list. That
// a template is unknown says something of these only.
func (t *Templates) Listed(ctx context.Context, channels []followup.ChannelID) map[followup.ChannelID]bool {
	accounts := map[followup.ChannelID]*account{}
	for _, c := range channels {
		if a, ok := t.accounts[c]; ok {
			accounts[c] = a
			t.refresh(a)
		}
	}
	listed := map[followup.ChannelID]bool{}
	for c, a := range accounts {
		t.await(ctx, a)
		listed[c] = a.listed()
	}
	return listed
}

// listed reports whether there is a list.
func (a *account) listed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known != nil
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
func (t *Templates) await(ctx context.Context, a *account) {
	reading, left := t.refresh(a)
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
func (t *Templates) refresh(a *account) (<-chan struct{}, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := t.real()
	outdated := a.asOf.Before(a.due) && !now.Before(a.due)
	fresh := !a.asOf.IsZero() && now.Sub(a.asOf) < templateTTL && !outdated
	if a.reading == nil && !fresh && (a.failed.IsZero() || now.Sub(a.failed) >= templateRetry) {
		a.reading, a.began = make(chan struct{}), now
		go t.readList(a, now)
	}
	if a.reading == nil || a.known != nil {
		return nil, 0
	}
	return a.reading, max(0, a.began.Add(templateWait).Sub(now))
}

// errPanic: reading a list panicked, which the log has.
var errPanic = errors.New("outbound: internal error")

// readList reads the list as it is now.
func (t *Templates) readList(a *account, now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), templateRead)
	defer cancel()
	list, err := t.list(ctx, a)
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.reading)
	a.reading = nil
	if err != nil {
		a.failed = t.real()
		return
	}
	a.known = make(map[templateKey]providers.TemplateInfo, len(list))
	for _, info := range list {
		a.known[templateKey{info.Name, providers.NormalLanguage(info.Language)}] = info
	}
	a.failed, a.asOf = time.Time{}, now
}

// list lists an account's templates by one of its channels. Where that fails another's may succeed, with access
// or an interface of its own; not where the provider wants to be left alone.
func (t *Templates) list(ctx context.Context, a *account) (list []providers.TemplateInfo, err error) {
	for range a.lists {
		by := a.lists[0]
		err = errPanic
		rescue.Call(t.log, "reading templates panicked", func() { list, err = by.read(ctx) }, "channel", by.channel)
		if err == nil {
			return list, nil
		}
		t.log.Warn("templates not readable", "channel", by.channel, "err", why(err))
		if e, ok := errors.AsType[*providers.Error](err); ok && e.Kind == providers.Throttled || ctx.Err() != nil {
			return nil, err
		}
		a.lists = append(a.lists[1:], by)
	}
	return nil, err
}
