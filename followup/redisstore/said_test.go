package redisstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/providers"
)

// TestSaidWritesWhatSettleWould gives a lead the same random life in two stores, one of which never
// takes the short cut of the said script, and compares everything in Redis after each step.
func TestSaidWritesWhatSettleWould(t *testing.T) {
	t.Parallel()
	short, long := openStore(t, Params{Client: redistest.Start(t).Client()}), openStore(t, Params{Client: redistest.Start(t).Client()})
	usual := 0
	rapid.Check(t, func(t *rapid.T) {
		w := &twoStores{T: t, short: short, long: long, now: epoch, party: newParty(), counted: &usual}
		bound, few := rapid.SampledFrom([]int{0, 6}).Draw(t, "bound"), rapid.Bool().Draw(t, "few first sights in the hash")
		for _, s := range []*Store{short, long} {
			s.newToken = func() string {
				w.tokens++
				return fmt.Sprint(w.steps, "-", w.tokens)
			}
			s.now = func() time.Time { return w.now } // so that both sum up what waits at the same instant
			s.backlog.bound, s.backlog.known, s.fewInHash = bound, nil, few
			s.db.FlushDB(t.Context())
		}
		if rapid.Bool().Draw(t, "has said much") {
			much := make([]string, 28)
			for i := range much {
				much[i] = fmt.Sprint("long ago ", i)
			}
			w.each(func(s *Store) (any, error) { return s.settleWhole(t.Context(), w.saying(epoch, much...)) })
		}
		t.Repeat(map[string]func(*rapid.T){
			"":        func(*rapid.T) { w.same() },
			"say":     w.say,
			"say on":  w.say,
			"say all": w.say,
			"pass":    w.pass,
			"refuse":  w.refuse,
			"start":   w.start,
			"hear":    w.hear,
			"move":    w.move,
		})
	})
	if usual == 0 {
		t.Error("got no settlement by the short cut, want some")
	}
}

// TestSaidKeepsToLeadBacklog: once as many events wait of one lead as LeadBacklog allows, the short
// cut must refuse more of them, although there is room for other leads.
func TestSaidKeepsToLeadBacklog(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		s.backlog.bound = 20 * testPartitions * followup.MaxItems
		deep := followup.LeadBacklog(s.backlog.bound)
		if _, err := s.Settle(t.Context(), p.saying(epoch, "first")); err != nil {
			t.Fatal(err)
		}
		s.db.RPush(t.Context(), s.tag(p.lead).queue(p.lead, p.assistant), slices.Repeat([]any{"{}"}, deep)...)
		s.db.HSet(t.Context(), s.tag(p.lead).relayBacklog(), string(p.assistant), deep)
		if _, err := s.Settle(t.Context(), p.saying(epoch, "one too many")); !errors.Is(err, followup.ErrBacklog) {
			t.Errorf("Settle: got %v, want %v", err, followup.ErrBacklog)
		}
	})
}

// saying returns a settlement of ordinary messages with these ids that the lead sends at an
// instant.
func (p party) saying(at time.Time, ids ...string) followup.Settlement {
	st := followup.Settlement{Tenant: p.tenant, Lead: p.lead, Now: at, Real: at}
	for _, id := range ids {
		st.Items = append(st.Items, followup.Item{
			DedupID: id, Channel: p.channel, Assistant: p.assistant, At: at, Opens: true, Reply: true,
			Entry: &followup.Entry{From: followup.FromLead, Text: id, At: at},
			Relay: &followup.RelayEvent{Channel: p.channel, Field: "messages", Value: []byte(`{"id":"` + id + `"}`)},
		})
	}
	return st
}

// twoStores are two stores to which the same happens. Only short takes the short cut.
type twoStores struct {
	*rapid.T

	party

	short, long *Store
	now         time.Time
	steps       int
	tokens      int  // handed out in this step to this store
	counted     *int // how many settlements took the short cut
}

// each does the same to both stores, and fails the test unless they answer the same.
func (w *twoStores) each(do func(s *Store) (any, error)) {
	w.steps++
	w.tokens = 0
	a, failed := do(w.short)
	w.tokens = 0
	b, expected := do(w.long)
	if got, want := fmt.Sprint(a, failed), fmt.Sprint(b, expected); got != want {
		w.Fatalf("answer: got %s, want %s", got, want)
	}
}

// say settles some messages of the lead. If the short cut took them, it may settle them again as a
// repeated request.
func (w *twoStores) say(t *rapid.T) {
	st := w.saying(w.now)
	st.Contact = providers.Contact{
		Name:   rapid.SampledFrom([]string{"", "Ana"}).Draw(t, "name"),
		Phone:  rapid.SampledFrom([]string{"", "5511987654321", "551187654321", "5511987650000"}).Draw(t, "phone"),
		UserID: rapid.SampledFrom([]string{"", "BR.1", "BR.2"}).Draw(t, "user id"),
	}
	for range rapid.IntRange(1, 6).Draw(t, "items") {
		it := w.saying(w.now, fmt.Sprint(rapid.IntRange(1, 80).Draw(t, "id"))).Items[0]
		it.At = w.now.Add(-time.Duration(rapid.IntRange(0, 3).Draw(t, "ago")) * time.Minute)
		it.Opens = rapid.Bool().Draw(t, "opens")
		if !rapid.Bool().Draw(t, "has words") {
			it.Entry = nil
		}
		st.Items = append(st.Items, it)
	}
	if rapid.IntRange(0, 9).Draw(t, "elsewhere") == 0 {
		st.Items[0].Channel += "2"
	}
	if rapid.IntRange(0, 9).Draw(t, "another's") == 0 {
		st.Tenant = "another"
	}
	usual := false
	settle := func(s *Store) (any, error) {
		if s == w.long {
			return s.settleWhole(t.Context(), st)
		}
		before := w.scripts(t.Context())
		out, err := s.Settle(t.Context(), st)
		usual = sayings(st) && w.scripts(t.Context()) == before+1
		return out, err
	}
	w.each(settle)
	if !usual {
		return
	}
	*w.counted++
	if rapid.Bool().Draw(t, "again") {
		w.steps-- // so that the token makes it the same request
		w.each(settle)
	}
}

// scripts returns how many scripts the store with the short cut has run.
func (w *twoStores) scripts(ctx context.Context) int {
	_, after, _ := strings.Cut(w.short.db.Info(ctx, "commandstats").Val(), "cmdstat_evalsha:calls=")
	digits, _, _ := strings.Cut(after, ",")
	n, _ := strconv.Atoi(digits)
	return n
}

// pass lets some time pass.
func (w *twoStores) pass(t *rapid.T) {
	for _, s := range []*Store{w.short, w.long} { // so that it shows when a lifetime is extended
		s.db.Persist(t.Context(), s.tag(w.lead).dedup(w.lead))
		s.db.Persist(t.Context(), s.tag(w.lead).history(w.lead, w.channel))
	}
	w.now = w.now.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Hour, 13 * time.Hour, 10 * 24 * time.Hour}).Draw(t, "time"))
}

// refuse makes the lead's windows Refused, by a new identity.
func (w *twoStores) refuse(t *rapid.T) {
	w.each(func(s *Store) (any, error) {
		return s.Settle(t.Context(), followup.Settlement{
			Tenant: w.tenant, Lead: w.lead, Now: w.now, Real: w.now,
			Items: []followup.Item{{Channel: w.channel, Assistant: w.assistant, At: w.now, NewIdentity: true}},
		})
	})
}

// start starts a run.
func (w *twoStores) start(t *rapid.T) {
	w.each(func(s *Store) (any, error) {
		run, _, err := s.Start(t.Context(), w.tenant, w.lead, followup.Arm{
			Config: "c", Assistant: w.assistant, Channel: w.channel, Ladder: "l", Interval: 30 * time.Minute,
		}, false, w.now, w.now)
		return run, err
	})
	w.short.followed.take(w.lead) // as if another replica had started the run
}

// TestReplySkipsSaid follows a lead's runs through start, claim and end. The said script must be
// tried for a text unless the replica knows of a live run, which the text ends as a reply.
func TestReplySkipsSaid(t *testing.T) {
	t.Parallel()
	s := openStore(t, Params{Client: redistest.Start(t).Client()})
	p := newParty()
	if _, err := s.Settle(t.Context(), p.saying(epoch, "0")); err != nil { // so that Redis has the script in its cache
		t.Fatal(err)
	}
	asked := 0
	s.db.AddHook(&onScript{saidScript, func(_ context.Context, call func() error) error {
		asked++
		return call()
	}})
	says := func(when string, want int, at time.Time, id string) {
		t.Helper()
		before := asked
		if _, err := s.Settle(t.Context(), p.saying(at, id)); err != nil {
			t.Fatal(err)
		}
		if got := asked - before; got != want {
			t.Errorf("%s: got %d calls of said, want %d", when, got, want)
		}
	}
	arm := followup.Arm{Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: time.Minute}
	start := func(at time.Time) followup.RunID {
		t.Helper()
		run, _, err := s.Start(t.Context(), p.tenant, p.lead, arm, false, at, at)
		if err != nil {
			t.Fatal(err)
		}
		return run
	}

	says("text", 1, epoch, "1")
	start(epoch)
	says("reply to a run that was started", 0, epoch, "2")
	says("text after it", 1, epoch, "3")

	run := start(epoch)
	if _, err := s.Cancel(t.Context(), p.tenant, run, epoch, epoch); err != nil {
		t.Fatal(err)
	}
	says("text after a run that was cancelled", 1, epoch, "4")

	start(epoch)
	s.followed.take(p.lead) // as if another replica had started the run
	at := epoch.Add(time.Minute)
	batch, err := s.Claim(t.Context(), followup.ClaimParams{Now: at, Real: at, Limit: 1, Lease: time.Minute})
	if err != nil || len(batch.Steps) != 1 {
		t.Fatalf("Claim: got %d steps, %v, want 1", len(batch.Steps), err)
	}
	says("reply to a run that was claimed", 0, at, "5")

	run = start(at)
	at = at.Add(time.Minute)
	batch, err = s.Claim(t.Context(), followup.ClaimParams{Now: at, Real: at, Limit: 1, Lease: time.Minute})
	if err != nil || len(batch.Steps) != 1 {
		t.Fatalf("Claim: got %d steps, %v, want 1", len(batch.Steps), err)
	}
	if _, err := s.FinishStep(t.Context(), followup.FinishStep{
		Run: run, Token: batch.Steps[0].Token, Kind: followup.KindAI, Outcome: followup.Skipped, Reason: followup.TooLate, Next: -1,
		Now: at, Real: at,
	}); err != nil {
		t.Fatal(err)
	}
	says("text after a run that was completed", 1, at, "6")

	lead, err := s.Lead(t.Context(), p.tenant, p.lead)
	if err != nil {
		t.Fatal(err)
	}
	lead.StatusID = "quiet"
	if _, err := s.PutLead(t.Context(), followup.PutLead{Lead: lead, StatusChanged: true, Arm: &arm, Now: at, Real: at}); err != nil {
		t.Fatal(err)
	}
	says("reply to a run that a status started", 0, at, "7")
}

// move turns the lead into a tombstone, in one of ten calls.
func (w *twoStores) move(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "move") > 0 {
		return
	}
	for _, s := range []*Store{w.short, w.long} {
		s.db.HSet(w.Context(), s.tag(w.lead).lead(w.lead), "mv", "another")
	}
}

// hear takes one event off the assistant's queue, as a delivery does.
func (w *twoStores) hear(*rapid.T) {
	for _, s := range []*Store{w.short, w.long} {
		t := s.tag(w.lead)
		s.db.LTrim(w.Context(), t.queue(w.lead, w.assistant), 1, -1)
		s.db.ZRem(w.Context(), t.relayDue(w.assistant), string(w.lead))
		s.db.HIncrBy(w.Context(), t.relayBacklog(), string(w.assistant), -1)
	}
}

// same fails the test unless both stores hold the same.
func (w *twoStores) same() {
	got, want := w.dump(w.short), w.dump(w.long)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] {
			w.Fatalf("%s: got %s, want %s", key, got[key], want[key])
		}
	}
	if len(got) != len(want) {
		w.Fatalf("keys: got %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// dump returns what each key holds and how long it lives, to the hour.
func (w *twoStores) dump(s *Store) map[string]string {
	ctx, out := w.Context(), map[string]string{}
	for _, key := range s.db.Keys(ctx, "*").Val() {
		var value any
		switch kind := s.db.Type(ctx, key).Val(); kind {
		case "string":
			value = s.db.Get(ctx, key).Val()
		case "hash":
			fields := s.db.HGetAll(ctx, key).Val()
			delete(fields, "rq") // how many requests it took is not compared
			value = fields
		case "list":
			value = s.db.LRange(ctx, key, 0, -1).Val()
		case "zset":
			value = s.db.ZRangeWithScores(ctx, key, 0, -1).Val()
		default:
			w.Fatalf("%s is a %s", key, kind)
		}
		out[key] = fmt.Sprint(value, s.db.PTTL(ctx, key).Val().Round(time.Hour))
	}
	delete(out, metaKey)
	return out
}
