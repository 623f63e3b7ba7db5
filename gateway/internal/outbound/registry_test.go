package outbound_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/outbound"
	"wagate/providers"
)

// list is a provider's list of templates.
type list struct {
	mu     sync.Mutex
	status string // empty: not in the list
	took   time.Duration
	err    error
	reads  int
}

func (l *list) set(status string, took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status, l.took, l.err = status, took, err
}

func (l *list) read(ctx context.Context) ([]providers.TemplateInfo, error) {
	l.mu.Lock()
	l.reads++
	status, took, err := l.status, l.took, l.err // as it is when it is asked
	l.mu.Unlock()
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if status == "" {
		return nil, err
	}
	return []providers.TemplateInfo{{Name: "hi", Language: "pt-BR", Status: status, Category: "UTILITY", Params: 2}}, err
}

func (l *list) times() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reads
}

// notes is what webhooks said, as the store has it.
type notes struct {
	*memstore.Store

	err error
}

func (n *notes) TemplateNote(_ context.Context, account, name, language string) (followup.TemplateNote, error) {
	if n.err != nil {
		return followup.TemplateNote{}, n.err
	}
	return n.Store.TemplateNote(context.Background(), account, name, language)
}

// says notes something of the template, as of so long ago.
func (n *notes) says(t *testing.T, ago time.Duration, c providers.TemplateChange) {
	t.Helper()
	c.Name, c.Language = "hi", "pt_BR"
	said := []followup.TemplateSaid{{Change: c, At: time.Now().Add(-ago)}}
	if err := n.NoteTemplates(t.Context(), "acc", said, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// newRegistry is a replica's registry of one channel's list.
func newRegistry(t *testing.T, l *list, n *notes) (r *outbound.Templates, ask func() string) {
	t.Helper()
	r = outbound.NewTemplates(outbound.TemplatesParams{
		Accounts: map[followup.ChannelID]outbound.TemplateAccount{onMeta: {Name: "acc", List: l.read}},
		Notes:    n, Real: time.Now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	return r, func() string {
		info, ok, err := r.Template(t.Context(), onMeta, "hi", "pt_BR")
		switch {
		case err != nil:
			return err.Error()
		case !ok:
			return "unknown"
		}
		return info.Status
	}
}

// registry plays with one channel's list in a bubble.
func registry(t *testing.T, story func(t *testing.T, l *list, r *outbound.Templates, ask func() string)) {
	t.Helper()
	noted(t, func(t *testing.T, l *list, n *notes) {
		r, ask := newRegistry(t, l, n)
		story(t, l, r, ask)
	})
}

// noted plays with a list and with what webhooks say of it.
func noted(t *testing.T, story func(t *testing.T, l *list, n *notes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		story(t, &list{status: "APPROVED"}, &notes{Store: memstore.New()})
		synctest.Wait()
	})
}

func wants(t *testing.T, got, want any, what string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// A list is believed for ten minutes, and while it is read again.
func TestListIsBelievedForTenMinutes(t *testing.T) {
	t.Parallel()
	registry(t, func(t *testing.T, l *list, _ *outbound.Templates, ask func() string) {
		wants(t, ask(), "APPROVED", "cold")
		l.set("PAUSED", 2*time.Second, nil)
		time.Sleep(10*time.Minute - time.Second)
		wants(t, ask(), "APPROVED", "fresh")
		wants(t, l.times(), 1, "readings")
		time.Sleep(time.Second)
		began := time.Now()
		wants(t, ask(), "APPROVED", "stale, while it is read")
		wants(t, time.Since(began), time.Duration(0), "waited")
		time.Sleep(2*time.Second + 1)
		wants(t, ask(), "PAUSED", "read again")
		wants(t, l.times(), 2, "readings")
	})
}

// Many who ask at once wait for one reading, and no longer than three seconds.
func TestFirstReadingIsSharedAndBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		took, waited time.Duration
		want         string
	}{
		"quick": {time.Second, time.Second, "APPROVED"},
		"slow":  {20 * time.Second, 3 * time.Second, "unknown"},
		"never": {time.Hour, 3 * time.Second, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry(t, func(t *testing.T, l *list, _ *outbound.Templates, ask func() string) {
				l.set("APPROVED", c.took, nil)
				var wg sync.WaitGroup
				for range 20 {
					wg.Go(func() {
						began := time.Now()
						wants(t, ask(), c.want, "answer")
						wants(t, time.Since(began), c.waited, "waited")
					})
				}
				wg.Wait()
				wants(t, l.times(), 1, "readings")
				time.Sleep(31 * time.Second) // a reading is bounded too
			})
		})
	}
}

// A list that cannot be read says nothing: its templates are unknown, and it is
// left alone for a minute.
func TestUnreadableListIsUnknown(t *testing.T) {
	t.Parallel()
	registry(t, func(t *testing.T, l *list, _ *outbound.Templates, ask func() string) {
		l.set("APPROVED", 0, errors.New("no such account"))
		for range 5 {
			wants(t, ask(), "unknown", "answer")
		}
		wants(t, l.times(), 1, "readings")
		l.set("APPROVED", 0, nil)
		time.Sleep(time.Minute)
		wants(t, ask(), "APPROVED", "a minute later")
	})
}

// One that could once be read is believed while it cannot.
func TestListIsBelievedWhileReadingFails(t *testing.T) {
	t.Parallel()
	registry(t, func(t *testing.T, l *list, _ *outbound.Templates, ask func() string) {
		wants(t, ask(), "APPROVED", "cold")
		l.set("", 0, errors.New("token expired"))
		time.Sleep(time.Hour)
		wants(t, ask(), "APPROVED", "answer")
		synctest.Wait()
		wants(t, ask(), "APPROVED", "answer after a reading that failed")
	})
}

// Who asks while a slow list is read has waited long enough if somebody has.
func TestSlowListIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	registry(t, func(t *testing.T, l *list, _ *outbound.Templates, ask func() string) {
		l.set("APPROVED", 20*time.Second, nil)
		for _, want := range []time.Duration{3 * time.Second, 0, 0} {
			began := time.Now()
			wants(t, ask(), "unknown", "answer")
			wants(t, time.Since(began), want, "waited")
		}
		time.Sleep(20 * time.Second)
		wants(t, ask(), "APPROVED", "once it is read")
		wants(t, l.times(), 1, "readings")
	})
}

// What one replica is told, every replica knows when it is next asked, however
// fresh its list is, and one that has just started; without reading any list.
func TestI2NoteReachesEveryReplica(t *testing.T) {
	t.Parallel()
	noted(t, func(t *testing.T, l *list, n *notes) {
		_, first := newRegistry(t, l, n)
		_, second := newRegistry(t, l, n)
		wants(t, first()+" "+second(), "APPROVED APPROVED", "cold")
		n.says(t, 0, providers.TemplateChange{Status: "PAUSED"})
		wants(t, first()+" "+second(), "PAUSED PAUSED", "after a pause")
		_, third := newRegistry(t, l, n)
		wants(t, third(), "PAUSED", "a replica that starts")
		n.says(t, 0, providers.TemplateChange{Status: "APPROVED"})
		wants(t, first()+" "+second(), "APPROVED APPROVED", "when it goes on")
		wants(t, l.times(), 3, "readings")
	})
}

// A list that is asked for long enough after something was said knows better;
// until then it may not show it. An older word than the list's is no news.
func TestNewerListOverridesNote(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ago, later time.Duration // the note is of before the first reading; asked so long after that
		want       string
		readings   int
	}{
		"said just now":                   {0, 0, "PAUSED", 1},
		"and the list may lag":            {0, 59 * time.Second, "PAUSED", 1},
		"so it is read again":             {0, 2 * time.Minute, "APPROVED", 2},
		"said while the list may not lag": {time.Minute + time.Millisecond, 0, "APPROVED", 1},
		"said while it may":               {time.Minute, 0, "PAUSED", 1},
		"came days late":                  {72 * time.Hour, 0, "APPROVED", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			noted(t, func(t *testing.T, l *list, n *notes) {
				_, ask := newRegistry(t, l, n)
				n.says(t, c.ago, providers.TemplateChange{Status: "PAUSED"})
				ask()
				time.Sleep(c.later)
				ask()
				synctest.Wait() // whatever is read
				wants(t, ask(), c.want, "answer")
				wants(t, l.times(), c.readings, "readings")
			})
		})
	}
}

// Also something that tells no status makes every replica read the list again, no
// more often than once a minute however much is said.
func TestAnyNoteCausesReading(t *testing.T) {
	t.Parallel()
	noted(t, func(t *testing.T, l *list, n *notes) {
		_, first := newRegistry(t, l, n)
		_, second := newRegistry(t, l, n)
		for range 5 * 60 { // one a second, for five minutes
			n.says(t, 0, providers.TemplateChange{})
			first()
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if got := l.times(); got > 6 {
			t.Errorf("readings: got %d in five minutes, want no more than one a minute", got)
		}
		before := l.times()
		second()
		n.says(t, 0, providers.TemplateChange{})
		second()
		time.Sleep(time.Minute)
		second()
		synctest.Wait()
		wants(t, l.times(), before+2, "readings of the other replica, cold and after the note")
	})
}

// What was said is all there is of an account whose list cannot be read.
func TestNotesCountWithoutList(t *testing.T) {
	t.Parallel()
	noted(t, func(t *testing.T, l *list, n *notes) {
		l.set("", 0, errors.New("no permission"))
		r, ask := newRegistry(t, l, n)
		wants(t, ask(), "unknown", "before")
		n.says(t, 0, providers.TemplateChange{Status: "DISABLED", Category: "MARKETING"})
		for _, later := range []time.Duration{0, 24 * time.Hour, 20 * 24 * time.Hour} {
			time.Sleep(later)
			wants(t, ask(), "DISABLED", "answer")
		}
		info, _, _ := r.Template(t.Context(), onMeta, "hi", "pt-BR")
		wants(t, info, providers.TemplateInfo{Name: "hi", Language: "pt_BR", Status: "DISABLED", Category: "MARKETING", Params: -1}, "template")
	})
}

// Of status, category and quality each is the list's unless something newer was
// said of it; the rest is the list's.
func TestNoteChangesOnlyWhatItSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		said, want providers.TemplateChange
	}{
		"status":   {providers.TemplateChange{Status: "PAUSED"}, providers.TemplateChange{Status: "PAUSED", Category: "UTILITY"}},
		"category": {providers.TemplateChange{Category: "MARKETING"}, providers.TemplateChange{Status: "APPROVED", Category: "MARKETING"}},
		"quality":  {providers.TemplateChange{Quality: "RED"}, providers.TemplateChange{Status: "APPROVED", Category: "UTILITY", Quality: "RED"}},
		"nothing":  {providers.TemplateChange{}, providers.TemplateChange{Status: "APPROVED", Category: "UTILITY"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			noted(t, func(t *testing.T, l *list, n *notes) {
				r, ask := newRegistry(t, l, n)
				ask()
				n.says(t, 0, c.said)
				info, ok, err := r.Template(t.Context(), onMeta, "hi", "pt_BR")
				if !ok || err != nil {
					t.Fatalf("got known %v, %v", ok, err)
				}
				wants(t, info, providers.TemplateInfo{
					Name: "hi", Language: "pt-BR", Params: 2, Status: c.want.Status, Category: c.want.Category, Quality: c.want.Quality,
				}, "template")
			})
		})
	}
}

// A store that is away is an error, not ignorance.
func TestUnreadableNotesAreAnError(t *testing.T) {
	t.Parallel()
	noted(t, func(t *testing.T, l *list, n *notes) {
		r, ask := newRegistry(t, l, n)
		wants(t, ask(), "APPROVED", "before")
		n.err = errAway
		if _, ok, err := r.Template(t.Context(), onMeta, "hi", "pt_BR"); ok || !errors.Is(err, errAway) {
			t.Errorf("got known %v, %v, want the store's error", ok, err)
		}
	})
}

func TestListOfAnotherChannelIsUnknown(t *testing.T) {
	t.Parallel()
	registry(t, func(t *testing.T, l *list, r *outbound.Templates, _ func() string) {
		if _, ok, _ := r.Template(t.Context(), onGupshup, "hi", "pt_BR"); ok {
			t.Error("template of another channel: got it known, want unknown")
		}
		if _, ok, _ := r.Template(t.Context(), onMeta, "hi", "en_US"); ok {
			t.Error("another language: got it known, want unknown")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		l.set("APPROVED", time.Minute, nil)
		if _, ok, _ := r.Template(ctx, onMeta, "hi", "pt_BR"); !ok {
			t.Error("a caller that is gone: got unknown, want what is known")
		}
		wants(t, l.times(), 1, "readings")
	})
}

// Channels of one account share its list, and what is wrong with one's access to it does not keep
// it from the others; anything else that is wrong is not tried again by each of them.
func TestChannelsOfAnAccountShareItsList(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error // of the first two channels
		known bool
		reads []int // of each channel, by the first reading and after an hour
		later []int
	}{
		"all is well":          {nil, true, []int{1, 0, 0}, []int{2, 0, 0}},
		"access not accepted":  {&providers.Error{Kind: providers.Operator, Code: 190}, true, []int{1, 1, 1}, []int{1, 1, 2}},
		"no access of its own": {&providers.Error{Kind: providers.Invalid, Code: 100}, true, []int{1, 1, 1}, []int{1, 1, 2}},
		"no provider at all":   {errors.New("connection refused"), true, []int{1, 1, 1}, []int{1, 1, 2}},
		"the provider rests":   {&providers.Error{Kind: providers.Throttled, Code: 4}, false, []int{1, 0, 0}, []int{2, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lists := []*list{{status: "APPROVED", err: c.err}, {status: "APPROVED", err: c.err}, {status: "APPROVED"}}
				accounts := map[followup.ChannelID]outbound.TemplateAccount{onGupshup: {Name: "another app's", List: (&list{}).read}}
				channels := []followup.ChannelID{"1", "2", "3"}
				for i, l := range lists {
					accounts[channels[i]] = outbound.TemplateAccount{Name: "acc", List: l.read}
				}
				r := outbound.NewTemplates(outbound.TemplatesParams{
					Accounts: accounts, Notes: &notes{Store: memstore.New()}, Real: time.Now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
				})
				for i, want := range [][]int{c.reads, c.later} {
					time.Sleep(time.Duration(i) * time.Hour)
					for _, ch := range channels {
						_, ok, err := r.Template(t.Context(), ch, "hi", "pt_BR")
						if ok != c.known || err != nil {
							t.Errorf("channel %s: got known %t, %v, want %t", ch, ok, err, c.known)
						}
						if _, ok, _ := r.Template(t.Context(), onGupshup, "hi", "pt_BR"); ok {
							t.Error("another app's: got it known, want unknown")
						}
						synctest.Wait()
					}
					got := []int{lists[0].times(), lists[1].times(), lists[2].times()}
					if !slices.Equal(got, want) {
						t.Errorf("after %d h: got %v readings, want %v", i, got, want)
					}
				}
			})
		})
	}
}

// Lists are read at the same time, and waited for no longer than one is.
func TestListsOfManyAccountsAreReadAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lists := map[followup.ChannelID]*list{
			"quick": {status: "APPROVED", took: time.Second}, "empty": {took: 2 * time.Second},
			"slow": {status: "APPROVED", took: 20 * time.Second}, "slow too": {status: "APPROVED", took: 20 * time.Second},
			"bad": {err: errors.New("no permission")},
		}
		accounts := map[followup.ChannelID]outbound.TemplateAccount{}
		for c, l := range lists {
			accounts[c] = outbound.TemplateAccount{Name: string(c), List: l.read}
		}
		r := outbound.NewTemplates(outbound.TemplatesParams{
			Accounts: accounts, Notes: &notes{Store: memstore.New()}, Real: time.Now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		})
		asked := append(slices.Collect(maps.Keys(lists)), "quick", "nobody's")
		for _, want := range []time.Duration{3 * time.Second, 0} {
			began := time.Now()
			listed := r.Listed(t.Context(), asked)
			wants(t, time.Since(began), want, "waited")
			for _, c := range asked {
				wants(t, listed[c], c == "quick" || c == "empty", string(c)+" listed")
			}
		}
		time.Sleep(20 * time.Second)
		wants(t, r.Listed(t.Context(), asked)["slow too"], true, "slow too listed, later")
		for c, l := range lists {
			wants(t, l.times(), 1, "readings of "+string(c))
		}
	})
}

// A list over which its reading panics is one that cannot be read: nobody's
// process ends, nobody waits for it longer, and it is read again later.
func TestPanickingListIsReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		r := outbound.NewTemplates(outbound.TemplatesParams{
			Accounts: map[followup.ChannelID]outbound.TemplateAccount{onMeta: {
				Name: "acc", List: func(context.Context) ([]providers.TemplateInfo, error) {
					if reads++; reads == 1 {
						panic("a list of a kind that nobody expected")
					}
					return []providers.TemplateInfo{{Name: "hi", Language: "pt_BR", Status: "APPROVED"}}, nil
				},
			}},
			Notes: &notes{Store: memstore.New()}, Real: time.Now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		})
		for _, want := range []bool{false, false, true} {
			if _, ok, err := r.Template(t.Context(), onMeta, "hi", "pt_BR"); ok != want || err != nil {
				t.Errorf("after %d readings: got known %t, %v, want %t", reads, ok, err, want)
			}
			time.Sleep(40 * time.Second)
		}
		synctest.Wait()
	})
}

// Why a list cannot be read is said in the log as the transport words it, not as a code of nothing.
func TestLogSaysWhyListCannotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := &list{err: &providers.Error{Kind: providers.Transient, Retryable: true, Cause: errors.New("connect: name not resolved")}}
		r := outbound.NewTemplates(outbound.TemplatesParams{
			Accounts: map[followup.ChannelID]outbound.TemplateAccount{onMeta: {Name: "acc", List: l.read}},
			Notes:    &notes{Store: memstore.New()}, Real: time.Now, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		_, known, err := r.Template(t.Context(), onMeta, "hi", "pt_BR")
		if err != nil || known {
			t.Fatalf("got %v, %v, want nothing known", known, err)
		}
		if want := "connect: name not resolved"; !strings.Contains(log.String(), want) {
			t.Errorf("log: got %s, want %s", &log, want)
		}
	})
}
