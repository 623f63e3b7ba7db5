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

// Lister reads the template list of one account.
type Lister func(ctx context.Context) ([]providers.TemplateInfo, error)

// TemplateAccount is the account that holds a channel's templates.
type TemplateAccount struct {
	// Name is the account name under which notes are kept; see followup.TemplateStore.
	// Channels whose accounts have the same name share one account.
	Name string
	// List lists the account's templates with this channel's access.
	List Lister
}

// TemplateNotes is the part of followup.TemplateStore that Templates reads: what webhooks said of
// templates, shared by all replicas.
type TemplateNotes interface {
	TemplateNote(ctx context.Context, account, name, language string) (followup.TemplateNote, error)
}

// TemplatesParams configures a Templates. All fields are required.
type TemplatesParams struct {
	Accounts map[followup.ChannelID]TemplateAccount
	Notes    TemplateNotes
	Real     func() time.Time
	Logger   *slog.Logger
}

// Templates is a registry of templates. It implements followup.Templates. It caches each
// account's template list and asks the store for what webhooks have said since the list was read.
// What it knows from a list is only advice: if the list cannot be read and no webhook has said
// anything, the template is unknown, and the provider's own answer decides. Templates is safe for
// concurrent use.
type Templates struct {
	accounts map[followup.ChannelID]*account
	notes    TemplateNotes
	real     func() time.Time
	log      *slog.Logger
}

var _ followup.Templates = (*Templates)(nil)

type account struct {
	name  string
	lists []channelList // used by the reading goroutine only; the one that last succeeded is first

	mu      sync.Mutex
	known   map[templateKey]providers.TemplateInfo // the list; nil before it was first read
	asOf    time.Time                              // when known was asked for; zero before it was first read
	failed  time.Time                              // when reading failed; zero if the last reading succeeded
	due     time.Time                              // from due on, a list that was asked for before due is out of date
	reading chan struct{}                          // closed when the current reading ends; nil if there is none
	began   time.Time                              // when the last reading began
}

// channelList reads the account's list with one channel's access.
type channelList struct {
	channel followup.ChannelID
	read    Lister
}

type templateKey struct{ name, language string }

const (
	// templateTTL is how long a list is believed.
	templateTTL = 10 * time.Minute
	// templateRetry is the pause after a failed reading.
	templateRetry = time.Minute
	// templateWait is how long callers wait for a reading, counted from its beginning, if no
	// reading has ever succeeded.
	templateWait = 3 * time.Second
	// templateRead bounds one reading of a list.
	templateRead = 30 * time.Second
	// templateLag is how long a list may still not show a change after a webhook has announced
	// it. It also bounds how often a busy account's list is read.
	templateLag = time.Minute
)

// NewTemplates returns a registry of the channels' templates. Channels on the same account share
// one list.
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

// Template implements followup.Templates. While no list of the account has ever been read, it
// waits up to templateWait for one. Its error is that of TemplateNotes.
func (t *Templates) Template(
	ctx context.Context, channel followup.ChannelID, name, language string,
) (providers.TemplateInfo, bool, error) {
	a, ok := t.accounts[channel]
	if !ok {
		return providers.TemplateInfo{}, false, nil
	}
	t.await(ctx, a)
	note, err := t.notes.TemplateNote(ctx, a.name, name, language) // last, so the answer has every note up to its return
	if err != nil {
		return providers.TemplateInfo{}, false, fmt.Errorf("template: %w", err)
	}
	info, ok := a.look(templateKey{name, providers.NormalLanguage(language)}, note)
	return info, ok, nil
}

// Listed starts reading the lists of the channels' accounts that are due, all at the same time,
// waits for them as Template does, and returns for which channels there is a list. Only for those
// does it mean something that a template is unknown. Channels without an account are not in the
// map.
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

// listed reports whether the account's list has been read.
func (a *account) listed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known != nil
}

// look combines the list with the note: the note's words that the list may not show yet take
// precedence over the list. It also makes the list due for reading when it should show the note.
// It returns false if nothing is known of the template.
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

// await starts reading the list if that is due. If there is no list yet, it waits for the reading
// to end, at most for what is left of templateWait.
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

// refresh starts a reading if one is due. If there is no list yet and a reading is under way, it
// returns a channel that is closed when the reading ends, and how long to wait for that; otherwise
// the channel is nil.
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

// errPanic says that reading a list panicked; the log has the panic.
var errPanic = errors.New("outbound: internal error")

// readList reads the account's list and ends the reading. now is when the reading began.
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

// list returns an account's template list. It tries the account's channels one after another: if
// one fails, another may succeed, because it has its own access and perhaps another interface of
// the provider. list stops trying if the provider throttles or ctx ends. It moves channels that
// failed, unless they were throttled, to the end of a.lists.
func (t *Templates) list(ctx context.Context, a *account) (list []providers.TemplateInfo, err error) {
	for range a.lists {
		by := a.lists[0]
		err = errPanic
		rescue.Call(t.log, "reading templates panicked", func() { list, err = by.read(ctx) }, "channel", by.channel)
		if err == nil {
			return list, nil
		}
		t.log.Warn("templates not readable", "channel", by.channel, "err", logText(err))
		if e, ok := errors.AsType[*providers.Error](err); ok && e.Kind == providers.Throttled {
			return nil, err
		}
		a.lists = append(a.lists[1:], by)
		if ctx.Err() != nil {
			return nil, err // the next reading begins with another channel: this one may have taken all the time
		}
	}
	return nil, err
}
