package redisstore

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/providers"
)

// TestTemplateNoteReachesAllReplicas: what one store notes of a template must be known to another
// store on the same Redis, and to one that is opened later.
func TestTemplateNoteReachesAllReplicas(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := openStore(t, Params{Client: server.Client()}), openStore(t, Params{Client: server.Client()})
	told := func(s *Store, want string) {
		t.Helper()
		n, err := s.TemplateNote(t.Context(), "meta/1", "visit", "pt_BR")
		if err != nil || n.Status.Word != want {
			t.Errorf("status: got %q, %v, want %q", n.Status.Word, err, want)
		}
	}
	told(b, "")
	for i, status := range []string{"PAUSED", "APPROVED"} {
		said := []followup.TemplateSaid{{
			Change: providers.TemplateChange{Name: "visit", Language: "pt_BR", Status: status},
			At:     epoch.Add(time.Duration(i) * time.Second),
		}}
		if err := a.NoteTemplates(t.Context(), "meta/1", said, epoch.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		told(b, status)
		told(openStore(t, Params{Client: server.Client()}), status)
	}
}

// TestTemplateNotesAreBounded: notes must be bounded in number, in size and in age, and the oldest
// must go first.
func TestTemplateNotesAreBounded(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openStore(t, Params{Client: redistest.Start(t).Client()})
	said := func(name string, at time.Time) followup.TemplateSaid {
		return followup.TemplateSaid{Change: providers.TemplateChange{Name: name, Language: "en", Status: "PAUSED"}, At: at}
	}
	note := func(real time.Time, all ...followup.TemplateSaid) {
		t.Helper()
		if err := s.NoteTemplates(ctx, "a", all, real); err != nil {
			t.Fatal(err)
		}
	}
	known := func(name string) bool {
		t.Helper()
		n, err := s.TemplateNote(ctx, "a", name, "en")
		if err != nil {
			t.Fatal(err)
		}
		return n.Status.Word != ""
	}
	const more = 50
	at := func(i int) time.Time { return epoch.Add(time.Duration(i) * time.Second) }
	var calls atomic.Int64
	s.db.AddHook(onCommand(func(string) { calls.Add(1) }))
	var all []followup.TemplateSaid
	for i := range followup.MaxTemplateNotes + more {
		all = append(all, said(fmt.Sprint("t", i), at(i)))
	}
	note(at(len(all)-1), all[:len(all)-more]...)
	if n := calls.Load(); n > 50 {
		t.Errorf("got %d round trips for %d notes, want at most 50", n, followup.MaxTemplateNotes)
	}
	for i, one := range all[len(all)-more:] { // the oldest is noted again, so the ones after it go
		if i == 0 {
			note(at(len(all)-1), said("t0", at(0)), one)
			if n := s.db.HLen(ctx, templatesKey("a")).Val(); n != followup.MaxTemplateNotes || !known("t0") {
				t.Errorf("got %d notes, want %d, with the one noted last", n, followup.MaxTemplateNotes)
			}
			continue
		}
		note(at(len(all)-1), one)
	}
	if n := s.db.HLen(ctx, templatesKey("a")).Val(); n != followup.MaxTemplateNotes {
		t.Errorf("got %d notes, want %d", n, followup.MaxTemplateNotes)
	}
	if known(fmt.Sprint("t", more-1)) || !known(fmt.Sprint("t", more)) || !known(fmt.Sprint("t", followup.MaxTemplateNotes+more-1)) {
		t.Error("got other notes dropped, want the oldest dropped")
	}
	per := s.db.MemoryUsage(ctx, templatesKey("a"), 0).Val() / followup.MaxTemplateNotes
	if t.Logf("%d bytes a note", per); per > 256 {
		t.Errorf("got %d bytes a note, want at most 256", per)
	}
	last := at(followup.MaxTemplateNotes + more - 1)
	for range 200 { // each call drops a bounded number
		note(last.Add(followup.TemplateNoteAge), said("the latest", last.Add(followup.TemplateNoteAge)))
	}
	if n := s.db.HLen(ctx, templatesKey("a")).Val(); n != 2 || !known("the latest") {
		t.Errorf("got %d notes a month later, want the last two", n)
	}
	if n := s.db.ZCard(ctx, templatesOrderKey("a")).Val(); n != 2 {
		t.Errorf("order: got %d entries, want 2", n)
	}
	for _, key := range []string{templatesKey("a"), templatesOrderKey("a")} {
		if got := s.db.PTTL(ctx, key).Val(); got > followup.TemplateNoteAge || got < followup.TemplateNoteAge-time.Minute {
			t.Errorf("%s: got %v to live, want %v", key, got, followup.TemplateNoteAge)
		}
	}
}
