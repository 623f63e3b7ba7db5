package outbound

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// Lister lists the templates of one account.
type Lister func(ctx context.Context) ([]providers.TemplateInfo, error)

// Templates remembers what the accounts' template lists say. It implements
// followup.Templates. It is advice: while a list cannot be read, nothing is
// known, and the provider's own answer decides.
type Templates struct {
	accounts map[followup.ChannelID]*account
	real     func() time.Time
	log      *slog.Logger
}

var _ followup.Templates = (*Templates)(nil)

type account struct {
	list Lister

	mu      sync.Mutex
	known   map[templateKey]providers.TemplateInfo
	read    time.Time // when known was read
	failed  time.Time // when reading last failed
	reading chan struct{}
	changes int // how often the provider said that something changed
}

type templateKey struct{ name, language string }

const (
	// templateTTL is how long a list is believed.
	templateTTL = 10 * time.Minute
	// templateRetry is how long a list that could not be read is left alone.
	templateRetry = time.Minute
	// templateWait is how long a question waits for a list that was never read.
	templateWait = 3 * time.Second
	// templateRead bounds one reading of a list.
	templateRead = 30 * time.Second
)

// NewTemplates returns a registry of the channels' lists.
func NewTemplates(lists map[followup.ChannelID]Lister, realNow func() time.Time, log *slog.Logger) *Templates {
	t := &Templates{
		accounts: map[followup.ChannelID]*account{}, real: realNow, log: log.With("component", "templates"),
	}
	for c, l := range lists {
		t.accounts[c] = &account{list: l}
	}
	return t
}

// Template implements followup.Templates.
func (t *Templates) Template(
	ctx context.Context, channel followup.ChannelID, name, language string,
) (providers.TemplateInfo, bool) {
	a, ok := t.accounts[channel]
	if !ok {
		return providers.TemplateInfo{}, false
	}
	if reading := t.refresh(channel, a); reading != nil {
		ctx, cancel := context.WithTimeout(ctx, templateWait)
		defer cancel()
		select {
		case <-reading:
		case <-ctx.Done():
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	info, ok := a.known[templateKey{name, providers.NormalLanguage(language)}]
	return info, ok
}

// Forget makes the channel's list be read again when it is next asked: the
// provider said that a template changed.
func (t *Templates) Forget(channel followup.ChannelID) {
	if a, ok := t.accounts[channel]; ok {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.read, a.failed = time.Time{}, time.Time{}
		a.changes++
	}
}

// refresh starts a reading if one is due, and returns a channel to wait on if
// nothing usable is known before it ends.
func (t *Templates) refresh(channel followup.ChannelID, a *account) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := t.real()
	fresh := !a.read.IsZero() && now.Sub(a.read) < templateTTL
	if a.reading == nil && !fresh && (a.failed.IsZero() || now.Sub(a.failed) >= templateRetry) {
		a.reading = make(chan struct{})
		go t.readList(channel, a, a.changes)
	}
	if a.reading != nil && !fresh && (a.known == nil || a.read.IsZero()) {
		return a.reading
	}
	return nil
}

// readList reads the list as it was after so many changes. One that came while
// it was read may be missing from it, so that it is read again.
func (t *Templates) readList(channel followup.ChannelID, a *account, changes int) {
	ctx, cancel := context.WithTimeout(context.Background(), templateRead)
	defer cancel()
	list, err := a.list(ctx)
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
	a.failed = time.Time{}
	if a.changes == changes {
		a.read = t.real()
	}
}
