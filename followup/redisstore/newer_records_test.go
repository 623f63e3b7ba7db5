package redisstore

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// wantLeftAlone makes each of the calls in asks twice. They concern something that a newer version
// wrote. Each must return ErrNewer and write nothing, and the log must tell it once.
func wantLeftAlone(t *testing.T, s *Store, asks map[string]func() error) {
	t.Helper()
	var log bytes.Buffer
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	before, err := dump(t.Context(), s.db)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for name, ask := range asks {
			if err := ask(); !errors.Is(err, followup.ErrNewer) {
				t.Errorf("%s: got %v, want ErrNewer", name, err)
			}
		}
	}
	after, err := dump(t.Context(), s.db)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(after, before) {
		t.Errorf("got Redis changed to\n%s\nwant it unchanged\n%s", after, before)
	}
	if n := strings.Count(log.String(), "newer version"); n != 1 {
		t.Errorf("log: got %d lines about it, want one a minute:\n%s", n, &log)
	}
}

// TestNewerMessageIsLeftAlone: a message that a newer version wrote must not be found as another
// message, nor as none; no receipt may be parked under its id, where nobody would look for it; and
// messages with other ids must still be found.
func TestNewerMessageIsLeftAlone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p := t.Context(), newParty()
		link := func(attempt int, sender, provider string) error {
			return errOf(s.LinkMessage(ctx, p.tenant, followup.MessageRef{
				Attempt: p.lead.Attempt(attempt), SenderID: sender, ProviderID: provider,
			}))
		}
		for i, id := range []string{"newer", "ours"} {
			if err := link(i+1, id, ""); err != nil {
				t.Fatal(err)
			}
		}
		written := func(version string) {
			t.Helper()
			if err := s.db.HSet(ctx, messageKey(p.tenant, "newer"), "v", version).Err(); err != nil {
				t.Fatal(err)
			}
		}
		written("2")
		receipt := &followup.Parked{Channel: p.channel, Receipt: followup.Receipt{State: providers.StatusDelivered}, At: epoch}
		wantLeftAlone(t, s, map[string]func() error{
			"find":                 func() error { return errOf(s.Message(ctx, p.tenant, "newer", nil)) },
			"find or park":         func() error { return errOf(s.Message(ctx, p.tenant, "newer", receipt)) },
			"link":                 func() error { return link(1, "newer", "") },
			"link with another id": func() error { return link(1, "newer", "wamid.1") },
			"link by another id":   func() error { return link(1, "unknown", "newer") },
		})
		if ref, err := s.Message(ctx, p.tenant, "ours", nil); err != nil || ref.Attempt != p.lead.Attempt(2) {
			t.Errorf("another message: got %+v, %v, want attempt 2", ref, err)
		}
		written("1")
		if ref, err := s.Message(ctx, p.tenant, "newer", receipt); err != nil || ref.Attempt != p.lead.Attempt(1) || ref.Waiting {
			t.Errorf("once the version is known: got %+v, %v, want attempt 1 and nothing parked", ref, err)
		}
	})
}

// TestNewerMessageLinkedMeanwhileIsLeftAlone: a newer version links the message after it was looked
// for and not found, and before it is linked here.
func TestNewerMessageLinkedMeanwhileIsLeftAlone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		if err := s.db.HSet(t.Context(), messageKey(p.tenant, "id"), "v", "2").Err(); err != nil {
			t.Fatal(err)
		}
		wantLeftAlone(t, s, map[string]func() error{"link": func() error {
			_, _, err := s.link(t.Context(), p.tenant, "id", followup.MessageRef{Attempt: p.lead.Attempt(1), SenderID: "id"})
			return err
		}})
	})
}

// TestNewerIdempotencyKeyIsLeftAlone: whether the request of a newer key was sent cannot be known,
// however old the key looks. The request must not be sent again, and the key must be neither
// finished nor forgotten.
func TestNewerIdempotencyKeyIsLeftAlone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p := t.Context(), newParty()
		begin := func(key string, at time.Time) (followup.KeyAnswer, error) {
			return s.BeginKey(ctx, p.tenant, key, "print", at, time.Minute)
		}
		a, err := begin("newer", epoch)
		if err != nil || a.State != followup.KeyNew {
			t.Fatalf("BeginKey: got %+v, %v, want it new", a, err)
		}
		owner := a.Owner
		if err := s.FinishKey(ctx, p.tenant, "newer", []byte("answer"), epoch); err != nil {
			t.Fatal(err)
		}
		written := func(version string) {
			t.Helper()
			if err := s.db.HSet(ctx, idempotencyKey(p.tenant, "newer"), "v", version).Err(); err != nil {
				t.Fatal(err)
			}
		}
		written("2")
		wantLeftAlone(t, s, map[string]func() error{
			"begin":       func() error { return errOf(begin("newer", epoch)) },
			"begin later": func() error { return errOf(begin("newer", epoch.Add(2*followup.KeyAge))) },
			"finish":      func() error { return s.FinishKey(ctx, p.tenant, "newer", []byte("other"), epoch) },
			"hold":        func() error { return s.HoldKey(ctx, p.tenant, "newer", owner, epoch) },
			"drop":        func() error { return s.DropKey(ctx, p.tenant, "newer", owner) },
		})
		if a, err := begin("ours", epoch); err != nil || a.State != followup.KeyNew {
			t.Errorf("another key: got %+v, %v, want it new", a, err)
		}
		written("1")
		if a, err := begin("newer", epoch); err != nil || a.State != followup.KeyDone || string(a.Answer) != "answer" {
			t.Errorf("once the version is known: got %+v, %v, want its answer", a, err)
		}
	})
}

// TestNewerTemplateNoteIsLeftAlone: nothing may be sent by a newer note, because it may say that
// the template is paused. Notes of other templates that come in the same call must be stored all
// the same.
func TestNewerTemplateNoteIsLeftAlone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		note := func(status string, names ...string) error {
			var said []followup.TemplateSaid
			for _, name := range names {
				said = append(said, followup.TemplateSaid{
					Change: providers.TemplateChange{Name: name, Language: "pt_BR", Status: status}, At: epoch,
				})
			}
			return s.NoteTemplates(ctx, "account", said, epoch)
		}
		status := func(name string) string {
			t.Helper()
			n, err := s.TemplateNote(ctx, "account", name, "pt_BR")
			if err != nil {
				t.Fatal(err)
			}
			return n.Status.Word
		}
		if err := note("PAUSED", "newer", "ours"); err != nil {
			t.Fatal(err)
		}
		key, field := templatesKey("account"), templateField("newer", "pt_BR")
		was, err := s.db.HGet(ctx, key, field).Result()
		if err != nil {
			t.Fatal(err)
		}
		written := func(text string) {
			t.Helper()
			if err := s.db.HSet(ctx, key, field, text).Err(); err != nil {
				t.Fatal(err)
			}
		}
		const newer = `{"v":2,"other":"form"}`
		written(newer)
		wantLeftAlone(t, s, map[string]func() error{
			"read": func() error { return errOf(s.TemplateNote(ctx, "account", "newer", "pt_BR")) },
			"note": func() error { return note("APPROVED", "newer") },
		})
		many := []string{"newer"}
		for range noteChunk {
			many = append(many, "ours")
		}
		if err := note("APPROVED", append(many, "last")...); !errors.Is(err, followup.ErrNewer) {
			t.Errorf("note among others: got %v, want ErrNewer", err)
		}
		if a, b := status("ours"), status("last"); a != "APPROVED" || b != "APPROVED" {
			t.Errorf("the other templates: got %q and %q, want APPROVED", a, b)
		}
		if now := s.db.HGet(ctx, key, field).Val(); now != newer {
			t.Errorf("the newer note: got %s, want %s", now, newer)
		}
		written(was)
		if got := status("newer"); got != "PAUSED" {
			t.Errorf("once the version is known: got %q, want PAUSED", got)
		}
	})
}
