package outbound_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/outbound"
	"wagate/providers"
)

// list is a provider's list of templates.
type list struct {
	mu     sync.Mutex
	status string
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
	return []providers.TemplateInfo{{Name: "hi", Language: "pt-BR", Status: status}}, err
}

func (l *list) times() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reads
}

// registry plays with one channel's list in a bubble.
func registry(t *testing.T, story func(t *testing.T, l *list, r *outbound.Templates, ask func() string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &list{status: "APPROVED"}
		r := outbound.NewTemplates(map[followup.ChannelID]outbound.Lister{onMeta: l.read}, time.Now,
			slog.New(slog.NewTextHandler(t.Output(), nil)))
		story(t, l, r, func() string {
			info, ok := r.Template(t.Context(), onMeta, "hi", "pt_BR")
			if !ok {
				return "unknown"
			}
			return info.Status
		})
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
func TestAListIsBelievedForAWhile(t *testing.T) {
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
func TestAColdListIsReadOnceAndWaitedForBriefly(t *testing.T) {
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
func TestAFailingListIsUnknown(t *testing.T) {
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
func TestAListThatFailsLaterIsStillBelieved(t *testing.T) {
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

// A notice of change makes the list be read again, and waited for; one that
// comes while it is read makes it be read once more.
func TestForgetReadsTheListAgain(t *testing.T) {
	t.Parallel()
	registry(t, func(t *testing.T, l *list, r *outbound.Templates, ask func() string) {
		wants(t, ask(), "APPROVED", "cold")
		l.set("PAUSED", time.Second, nil)
		r.Forget(onMeta)
		wants(t, ask(), "PAUSED", "after a change")

		r.Forget(onMeta)
		go ask()
		time.Sleep(500 * time.Millisecond)
		l.set("DISABLED", time.Second, nil)
		r.Forget(onMeta)
		time.Sleep(time.Second)
		wants(t, ask(), "DISABLED", "after a change while it was read")
		r.Forget("of another")
	})
}

func TestTheListOfAnotherChannelIsUnknown(t *testing.T) {
	t.Parallel()
	registry(t, func(t *testing.T, l *list, r *outbound.Templates, _ func() string) {
		if _, ok := r.Template(t.Context(), onGupshup, "hi", "pt_BR"); ok {
			t.Error("template of another channel: got it known, want unknown")
		}
		if _, ok := r.Template(t.Context(), onMeta, "hi", "en_US"); ok {
			t.Error("another language: got it known, want unknown")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		l.set("APPROVED", time.Minute, nil)
		if _, ok := r.Template(ctx, onMeta, "hi", "pt_BR"); !ok {
			t.Error("a caller that is gone: got unknown, want what is known")
		}
		wants(t, l.times(), 1, "readings")
	})
}
