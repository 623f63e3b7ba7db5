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

// list is a provider's list of templates. It holds at most one, "hi".
type list struct {
	mu     sync.Mutex
	status string        // of the template; empty: the list is empty
	took   time.Duration // how long a reading takes
	err    error         // what a reading ends with
	reads  int           // readings begun
}

func (l *list) set(status string, took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status, l.took, l.err = status, took, err
}

func (l *list) read(ctx context.Context) ([]providers.TemplateInfo, error) {
	l.mu.Lock()
	l.reads++
	status, took, err := l.status, l.took, l.err // as of the beginning of the reading
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

// times returns how often the list was read.
func (l *list) times() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reads
}

// notes is the store of what webhooks said of templates. It can be made to fail with err.
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

// says stores a change of the template "hi" that a webhook announced so long ago.
func (n *notes) says(t *testing.T, ago time.Duration, c providers.TemplateChange) {
	t.Helper()
	c.Name, c.Language = "hi", "pt_BR"
	said := []followup.TemplateSaid{{Change: c, At: time.Now().Add(-ago)}}
	if err := n.NoteTemplates(t.Context(), "acc", said, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// newRegistry returns a registry of one channel's list, as a replica has it. ask returns the
// status of the template "hi" in it, or "unknown", or the error.
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

// registry runs a test with a registry of one channel's list in a synctest bubble.
func registry(t *testing.T, story func(t *testing.T, l *list, r *outbound.Templates, ask func() string)) {
	t.Helper()
	noted(t, func(t *testing.T, l *list, n *notes) {
		r, ask := newRegistry(t, l, n)
		story(t, l, r, ask)
	})
}

// noted runs a test with a list and the notes of what webhooks say, in a synctest bubble.
func noted(t *testing.T, story func(t *testing.T, l *list, n *notes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		story(t, &list{status: "APPROVED"}, &notes{Store: memstore.New()})
		synctest.Wait()
	})
}

// wants checks that two values are equal.
func wants(t *testing.T, got, want any, what string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// TestListIsBelievedForTenMinutes: a list is believed for ten minutes. The first question after
// that causes a new reading, and is answered from the old list without waiting.
func TestListIsBelievedForTenMinutes(t *testing.T) {
	t.Parallel()
	registry(t, func(t *testing.T, l *list, _ *outbound.Templates, ask func() string) {
		wants(t, ask(), "APPROVED", "first answer")
		l.set("PAUSED", 2*time.Second, nil)
		time.Sleep(10*time.Minute - time.Second)
		wants(t, ask(), "APPROVED", "answer just before ten minutes")
		wants(t, l.times(), 1, "readings")
		time.Sleep(time.Second)
		began := time.Now()
		wants(t, ask(), "APPROVED", "answer while the stale list is read again")
		wants(t, time.Since(began), time.Duration(0), "time waited")
		time.Sleep(2*time.Second + 1)
		wants(t, ask(), "PAUSED", "answer after the second reading")
		wants(t, l.times(), 2, "readings")
	})
}

// TestFirstReadingIsSharedAndBounded: concurrent questions wait for the same first reading, for at
// most three seconds.
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
						wants(t, time.Since(began), c.waited, "time waited")
					})
				}
				wg.Wait()
				wants(t, l.times(), 1, "readings")
				time.Sleep(31 * time.Second) // the reading itself ends after 30 s
			})
		})
	}
}

// TestUnreadableListIsUnknown: while a list cannot be read its templates are unknown, and it is not
// read again for a minute.
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
		wants(t, ask(), "APPROVED", "answer a minute later")
	})
}

// TestListIsBelievedWhileReadingFails: a list that was read once is believed while later readings
// fail.
func TestListIsBelievedWhileReadingFails(t *testing.T) {
	t.Parallel()
	registry(t, func(t *testing.T, l *list, _ *outbound.Templates, ask func() string) {
		wants(t, ask(), "APPROVED", "first answer")
		l.set("", 0, errors.New("token expired"))
		time.Sleep(time.Hour)
		wants(t, ask(), "APPROVED", "answer")
		synctest.Wait()
		wants(t, ask(), "APPROVED", "answer after a reading that failed")
	})
}

// TestSlowListIsWaitedForOnce: the wait of three seconds counts from the beginning of the reading,
// so later questions during the same reading do not wait.
func TestSlowListIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	registry(t, func(t *testing.T, l *list, _ *outbound.Templates, ask func() string) {
		l.set("APPROVED", 20*time.Second, nil)
		for _, want := range []time.Duration{3 * time.Second, 0, 0} {
			began := time.Now()
			wants(t, ask(), "unknown", "answer")
			wants(t, time.Since(began), want, "time waited")
		}
		time.Sleep(20 * time.Second)
		wants(t, ask(), "APPROVED", "answer after the reading")
		wants(t, l.times(), 1, "readings")
	})
}

// TestI2NoteReachesEveryReplica: what a webhook told one replica counts at every replica the next
// time it is asked, however fresh its list is, and at one that has just started. It causes no
// reading of a list at once.
func TestI2NoteReachesEveryReplica(t *testing.T) {
	t.Parallel()
	noted(t, func(t *testing.T, l *list, n *notes) {
		_, first := newRegistry(t, l, n)
		_, second := newRegistry(t, l, n)
		wants(t, first()+" "+second(), "APPROVED APPROVED", "first answers")
		n.says(t, 0, providers.TemplateChange{Status: "PAUSED"})
		wants(t, first()+" "+second(), "PAUSED PAUSED", "answers after a pause")
		_, third := newRegistry(t, l, n)
		wants(t, third(), "PAUSED", "answer of a replica that has just started")
		n.says(t, 0, providers.TemplateChange{Status: "APPROVED"})
		wants(t, first()+" "+second(), "APPROVED APPROVED", "answers after the pause has ended")
		wants(t, l.times(), 3, "readings")
	})
}

// TestNewerListOverridesNote: a list may lag a minute behind what a webhook said, so a note counts
// until a list is read that was asked for more than a minute after the note. A note that is older
// than the list by more than that does not count.
func TestNewerListOverridesNote(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ago, later time.Duration // age of the note at the first reading; time from that until asked again
		want       string
		readings   int
	}{
		"note of now":             {0, 0, "PAUSED", 1},
		"list may still lag":      {0, 59 * time.Second, "PAUSED", 1},
		"list read again":         {0, 2 * time.Minute, "APPROVED", 2},
		"note older than the lag": {time.Minute + time.Millisecond, 0, "APPROVED", 1},
		"note as old as the lag":  {time.Minute, 0, "PAUSED", 1},
		"note came days late":     {72 * time.Hour, 0, "APPROVED", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			noted(t, func(t *testing.T, l *list, n *notes) {
				_, ask := newRegistry(t, l, n)
				n.says(t, c.ago, providers.TemplateChange{Status: "PAUSED"})
				ask()
				time.Sleep(c.later)
				ask()
				synctest.Wait() // until a reading that this caused has ended
				wants(t, ask(), c.want, "answer")
				wants(t, l.times(), c.readings, "readings")
			})
		})
	}
}

// TestSlowListIsAsOldAsItsRequest: a list that takes long to read is as old as the request for it, so
// a note counts that the list may not have shown yet when it was asked for.
func TestSlowListIsAsOldAsItsRequest(t *testing.T) {
	t.Parallel()
	noted(t, func(t *testing.T, l *list, n *notes) {
		_, ask := newRegistry(t, l, n)
		l.set("APPROVED", 20*time.Second, nil)
		n.says(t, 50*time.Second, providers.TemplateChange{Status: "PAUSED"})
		ask()
		time.Sleep(20 * time.Second)
		wants(t, ask(), "PAUSED", "answer after the reading")
		time.Sleep(20 * time.Second)
		synctest.Wait() // until the reading that this caused has ended
		wants(t, ask(), "APPROVED", "answer after a reading that was asked for later")
	})
}

// TestOldNoteDoesNotPutReadingOff: a note causes a reading even if the registry then meets an older
// one, of another template.
func TestOldNoteDoesNotPutReadingOff(t *testing.T) {
	t.Parallel()
	noted(t, func(t *testing.T, l *list, n *notes) {
		r, ask := newRegistry(t, l, n)
		said := []followup.TemplateSaid{{Change: providers.TemplateChange{Name: "bye", Language: "pt_BR", Status: "PAUSED"}, At: time.Now().Add(-time.Hour)}}
		if err := n.NoteTemplates(t.Context(), "acc", said, time.Now()); err != nil {
			t.Fatal(err)
		}
		n.says(t, 0, providers.TemplateChange{})
		ask()
		for range 2 {
			if _, _, err := r.Template(t.Context(), onMeta, "bye", "pt_BR"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		wants(t, l.times(), 2, "readings")
	})
}

// TestReadingIsGivenUp: a reading that does not end is given up after 30 s. It is begun again a
// minute after that, and not before, with the access of the next channel.
func TestReadingIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs, answers := &list{took: time.Hour}, &list{status: "APPROVED"}
		r := outbound.NewTemplates(outbound.TemplatesParams{
			Accounts: map[followup.ChannelID]outbound.TemplateAccount{"1": {Name: "acc", List: hangs.read}, "2": {Name: "acc", List: answers.read}},
			Notes:    &notes{Store: memstore.New()}, Real: time.Now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		})
		began := time.Now()
		for _, c := range []struct {
			after time.Duration
			known bool
			reads int // of the channel that answers
		}{{0, false, 0}, {30*time.Second + 59*time.Second, false, 0}, {30*time.Second + time.Minute, true, 1}} {
			time.Sleep(time.Until(began.Add(c.after)))
			_, ok, err := r.Template(t.Context(), "1", "hi", "pt_BR")
			synctest.Wait()
			if ok != c.known || err != nil || hangs.times() != 1 || answers.times() != c.reads {
				t.Errorf("after %v: got known %t, error %v, readings %d and %d, want known %t, no error, 1 and %d",
					c.after, ok, err, hangs.times(), answers.times(), c.known, c.reads)
			}
		}
		time.Sleep(30 * time.Second) // should the reading have been begun with the first channel again
	})
}

// TestAnyNoteCausesReading: every note, even one without a status, makes every replica read the
// list again, but at most once a minute however many notes there are.
func TestAnyNoteCausesReading(t *testing.T) {
	t.Parallel()
	noted(t, func(t *testing.T, l *list, n *notes) {
		_, first := newRegistry(t, l, n)
		_, second := newRegistry(t, l, n)
		for range 5 * 60 { // a note a second, for five minutes
			n.says(t, 0, providers.TemplateChange{})
			first()
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if got := l.times(); got > 6 {
			t.Errorf("readings: got %d in five minutes, want at most one a minute", got)
		}
		before := l.times()
		second()
		n.says(t, 0, providers.TemplateChange{})
		second()
		time.Sleep(time.Minute)
		second()
		synctest.Wait()
		wants(t, l.times(), before+2, "readings after the other replica's first one and the one that the note caused")
	})
}

// TestNotesCountWithoutList: what webhooks said counts for an account whose list cannot be read,
// for as long as it is stored.
func TestNotesCountWithoutList(t *testing.T) {
	t.Parallel()
	noted(t, func(t *testing.T, l *list, n *notes) {
		l.set("", 0, errors.New("no permission"))
		r, ask := newRegistry(t, l, n)
		wants(t, ask(), "unknown", "answer before the note")
		n.says(t, 0, providers.TemplateChange{Status: "DISABLED", Category: "MARKETING"})
		for _, later := range []time.Duration{0, 24 * time.Hour, 20 * 24 * time.Hour} {
			time.Sleep(later)
			wants(t, ask(), "DISABLED", "answer")
		}
		info, _, _ := r.Template(t.Context(), onMeta, "hi", "pt-BR")
		wants(t, info, providers.TemplateInfo{Name: "hi", Language: "pt_BR", Status: "DISABLED", Category: "MARKETING", Params: -1}, "template")
	})
}

// TestNoteChangesOnlyWhatItSays: of status, category and quality, a note changes only those that it
// gives. Everything else is as in the list.
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
					t.Fatalf("got known %v, error %v, want the template known", ok, err)
				}
				wants(t, info, providers.TemplateInfo{
					Name: "hi", Language: "pt-BR", Params: 2, Status: c.want.Status, Category: c.want.Category, Quality: c.want.Quality,
				}, "template")
			})
		})
	}
}

// TestUnreadableNotesAreAnError: if the notes cannot be read the registry returns the store's error
// and does not answer from the list alone.
func TestUnreadableNotesAreAnError(t *testing.T) {
	t.Parallel()
	noted(t, func(t *testing.T, l *list, n *notes) {
		r, ask := newRegistry(t, l, n)
		wants(t, ask(), "APPROVED", "answer before the fault")
		n.err = errAway
		if _, ok, err := r.Template(t.Context(), onMeta, "hi", "pt_BR"); ok || !errors.Is(err, errAway) {
			t.Errorf("got known %v, error %v, want the store's error", ok, err)
		}
	})
}

// TestListOfAnotherChannelIsUnknown: a template of a channel without a list, and one in another
// language, are unknown. What is known is answered even to a caller whose context is cancelled.
func TestListOfAnotherChannelIsUnknown(t *testing.T) {
	t.Parallel()
	registry(t, func(t *testing.T, l *list, r *outbound.Templates, _ func() string) {
		if _, ok, _ := r.Template(t.Context(), onGupshup, "hi", "pt_BR"); ok {
			t.Error("another channel: got the template known, want unknown")
		}
		if _, ok, _ := r.Template(t.Context(), onMeta, "hi", "en_US"); ok {
			t.Error("another language: got the template known, want unknown")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		l.set("APPROVED", time.Minute, nil)
		if _, ok, _ := r.Template(ctx, onMeta, "hi", "pt_BR"); !ok {
			t.Error("cancelled caller: got the template unknown, want known")
		}
		wants(t, l.times(), 1, "readings")
	})
}

// TestChannelsOfAnAccountShareItsList: channels of one account share its list. If it cannot be read
// with one channel's access it is tried with the others', and the access that worked is used first
// the next time. A failure for which no channel's access is to blame, as throttling, is not tried
// again with the others'.
func TestChannelsOfAnAccountShareItsList(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error // of the first two channels
		known bool
		reads []int // readings with each channel's access, after the first round of questions
		later []int // and after another round an hour later
	}{
		"no error":             {nil, true, []int{1, 0, 0}, []int{2, 0, 0}},
		"access not accepted":  {&providers.Error{Kind: providers.Operator, Code: 190}, true, []int{1, 1, 1}, []int{1, 1, 2}},
		"no access of its own": {&providers.Error{Kind: providers.Invalid, Code: 100}, true, []int{1, 1, 1}, []int{1, 1, 2}},
		"no connection":        {errors.New("connection refused"), true, []int{1, 1, 1}, []int{1, 1, 2}},
		"throttled":            {&providers.Error{Kind: providers.Throttled, Code: 4}, false, []int{1, 0, 0}, []int{2, 0, 0}},
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
							t.Errorf("channel %s: got known %t, error %v, want known %t and no error", ch, ok, err, c.known)
						}
						if _, ok, _ := r.Template(t.Context(), onGupshup, "hi", "pt_BR"); ok {
							t.Error("another app's channel: got the template known, want unknown")
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

// TestListsOfManyAccountsAreReadAtOnce: Listed reads the accounts' lists concurrently, once each,
// and waits for all of them no longer than for one.
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
			wants(t, time.Since(began), want, "time waited")
			for _, c := range asked {
				wants(t, listed[c], c == "quick" || c == "empty", string(c)+" listed")
			}
		}
		time.Sleep(20 * time.Second)
		wants(t, r.Listed(t.Context(), asked)["slow too"], true, "slow too listed, 20 s later")
		for c, l := range lists {
			wants(t, l.times(), 1, "readings of "+string(c))
		}
	})
}

// TestPanickingListIsReadAgain: a list whose reading panics counts as one that cannot be read. The
// process goes on, callers get an answer, and the list is read again later.
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
				t.Errorf("after %d readings: got known %t, error %v, want known %t and no error", reads, ok, err, want)
			}
			time.Sleep(40 * time.Second)
		}
		synctest.Wait()
	})
}

// TestLogSaysWhyListCannotBeRead: the log gives a failed reading's error, and its cause in the
// transport's words.
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
			t.Fatalf("got known %v, error %v, want the template unknown and no error", known, err)
		}
		if want := "provider: transient (code 0, status 0): connect: name not resolved"; !strings.Contains(log.String(), want) {
			t.Errorf("log: got %s, want %q in it", &log, want)
		}
	})
}
