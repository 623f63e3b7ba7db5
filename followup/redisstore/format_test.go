package redisstore

import (
	"bytes"
	"errors"
	goflag "flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

var update = goflag.Bool("update", false, "record the stored format anew")

// The recorded stores: of this program; of one whose first sights always have a key of their own; and
// of one that kept a run in one field.
const (
	format2         = "testdata/format2.redis"
	format1         = "testdata/format1.redis"
	format1OneField = "testdata/format1-one-field.redis"
)

// old is the party whose store is recorded.
var old = party{
	tenant:    "0f0e7f2a-0000-4000-8000-000000000001",
	assistant: "0f0e7f2a-0000-4000-8000-000000000002",
	channel:   "0f0e7f2a-0000-4000-8000-000000000003",
}

const (
	oldConfig  = followup.ConfigID("0f0e7f2a-0000-4000-8000-000000000004")
	oldChannel = followup.ChannelID("0f0e7f2a-0000-4000-8000-000000000005") // paused
	armed      = "15550100061"                                              // phones of leads, by the state of their run
	claimed    = "15550100062"
	inSending  = "15550100063"
	ended      = "15550100064"
	optedOut   = "15550100065"
)

var oldLadder = followup.Ladder{Steps: []followup.Step{
	{Interval: "PT30M", Prompt: "ask"}, {Interval: "P1D", TemplateName: "come_back", TemplateLanguage: "pt_BR"},
}}

// record fills a store with something of everything, at epoch.
func record(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(s.CreateConfig(ctx, followup.Config{
		ID: oldConfig, TenantID: old.tenant, AssistantID: old.assistant, IsActive: true,
		Steps: oldLadder.Steps, CreatedAt: epoch, UpdatedAt: epoch,
	}))
	check(s.SaveLadder(ctx, old.tenant, oldLadder.Hash(), oldLadder))
	start := func(phone string, at time.Time) followup.LeadID {
		lead := mustResolve(t, s, old, followup.Identity{Phone: phone}, epoch)
		_, err := s.Settle(ctx, followup.Settlement{
			Tenant: old.tenant, Lead: lead, Now: epoch, Real: epoch, Items: []followup.Item{{
				DedupID: "said " + phone, Channel: old.channel, Assistant: old.assistant, At: epoch, Opens: true, Reply: true,
				Entry: &followup.Entry{From: followup.FromLead, Text: "hello", At: epoch},
				Relay: &followup.RelayEvent{Channel: old.channel, Field: "messages", Value: []byte(`{"text":"hello"}`)},
			}},
		})
		check(err)
		_, _, err = s.Start(ctx, old.tenant, lead, followup.Arm{
			Config: oldConfig, Assistant: old.assistant, Channel: old.channel, Ladder: oldLadder.Hash(), Interval: 30 * time.Minute,
		}, false, at, at)
		check(err)
		return lead
	}
	early := epoch.Add(-30 * time.Minute)
	start(ended, early)
	c := claimStep(t, s)
	check(errOf(s.FinishStep(ctx, sent(c, guardStep(t, s, c, nil).Attempt))))
	start(inSending, early)
	guardStep(t, s, claimStep(t, s), nil)
	start(claimed, early)
	claimStep(t, s)
	start(armed, epoch)
	out := start(optedOut, epoch)
	check(errOf(s.Settle(ctx, followup.Settlement{
		Tenant: old.tenant, Lead: out, Now: epoch, Real: epoch, Items: []followup.Item{{
			DedupID: "stop", Channel: old.channel, Assistant: old.assistant, At: epoch, OptOut: new(true),
		}},
	})))
	for _, d := range claimAll(t, s, epoch) {
		if d.Lead == out {
			bury(t, s, d, epoch)
		} // the other deliveries stay frozen, under a lease of a minute
	}
	check(s.Pause(ctx, old.tenant, oldChannel, true))
	if err := errOf(s.Message(ctx, old.tenant, "wamid.early", &followup.Parked{At: epoch})); !errors.Is(err, followup.ErrNotFound) {
		t.Fatal(err)
	}
	check(errOf(s.LinkMessage(ctx, old.tenant, followup.MessageRef{SenderID: "wamid.ours", ProviderID: "wamid.theirs"})))
	check(errOf(s.BeginKey(ctx, old.tenant, "key", "print", epoch, time.Minute)))
	check(s.FinishKey(ctx, old.tenant, "key", []byte("answer"), epoch))
	check(s.NoteTemplates(ctx, "account", []followup.TemplateSaid{{
		Change: providers.TemplateChange{Name: "come_back", Language: "pt_BR", Status: "PAUSED"}, At: epoch,
	}}, epoch))
}

// errOf drops the first of two results and returns the error.
func errOf[T any](_ T, err error) error { return err }

// TestI7UpgradeLosesNothing opens the recorded stores. What was pending must fire, what waited must
// be delivered, and what was known must be known. With -update it first records the store anew.
func TestI7UpgradeLosesNothing(t *testing.T) {
	t.Parallel()
	if *update {
		c, stop, err := Embedded()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		record(t, openStore(t, Params{Client: c, Embedded: true}))
		text, err := dump(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(format2, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{format2, format1, format1OneField} {
		onRecorded(t, file, checkGoesOn)
	}
}

// onRecorded runs a test on a recorded store, on the embedded Redis and on a real one.
func onRecorded(t *testing.T, file string, f func(t *testing.T, s *Store)) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	onEach(t, func(t *testing.T, s *Store) {
		if err := s.db.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		restore(t, s.db, text)
		f(t, openStore(t, Params{Client: s.db, Embedded: s.embedded}))
	})
}

// TestI5ReplyEndsAOneFieldRun checks that a reply ends a run that an older program stored in one
// field, although no other script has met the run before.
func TestI5ReplyEndsAOneFieldRun(t *testing.T) {
	t.Parallel()
	onRecorded(t, format1OneField, func(t *testing.T, s *Store) {
		now := epoch.Add(time.Minute)
		for _, phone := range []string{armed, claimed} {
			lead := mustResolve(t, s, old, followup.Identity{Phone: phone}, now)
			before, err := s.Runs(t.Context(), old.tenant, lead)
			if err != nil || len(before) != 1 || before[0].Assistant != old.assistant || before[0].Config != oldConfig {
				t.Fatalf("runs of %s: got %+v, %v, want one of the config", phone, before, err)
			}
			out, err := s.Settle(t.Context(), party{old.tenant, old.assistant, old.channel, lead}.saying(now, "yes"))
			if err != nil || len(out.Ended) != 1 || out.Ended[0].Reason != followup.Replied {
				t.Errorf("%s: got ended runs %+v, %v, want one ended by the reply", phone, out.Ended, err)
			}
		}
	})
}

// checkGoesOn goes on with the recorded store half an hour later.
func checkGoesOn(t *testing.T, s *Store) {
	ctx, now := t.Context(), epoch.Add(30*time.Minute)
	is := func(what string, got, want any, err error) {
		t.Helper()
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, %v, want %v", what, got, err, want)
		}
	}
	lead := func(phone string) followup.LeadID {
		t.Helper()
		id, err := s.Resolve(ctx, old.tenant, followup.Identity{Phone: phone}, false, now)
		if err != nil {
			t.Fatalf("lead %s: %v", phone, err)
		}
		return id
	}

	b, err := s.Claim(ctx, followup.ClaimParams{Now: now, Real: now, Limit: 10, Lease: time.Minute})
	is("steps", len(b.Steps), 3, err)
	for _, c := range b.Steps {
		crashed := c.Run.Lead == lead(inSending)
		is("crashed", c.Crashed, crashed, nil)
		f := sent(c, c.Attempt)
		if crashed {
			f.Outcome, f.Reason = followup.Uncertain, followup.Crash
		} else {
			f.Attempt = guardStep(t, s, c, func(g *followup.GuardStep) { g.FreeForm, g.Now, g.Real = true, now, now }).Attempt
		}
		f.Next, f.Interval, f.Now, f.Real = 1, 24*time.Hour, now, now
		done, err := s.FinishStep(ctx, f)
		is("the next step", done, followup.Finished{State: followup.RunArmed, Due: now.Add(24 * time.Hour)}, err)
	}
	runs, err := s.Runs(ctx, old.tenant, lead(ended))
	is("the run that ended", fmt.Sprintf("%d %s %s", len(runs), runs[0].State, runs[0].Timeline[0].Outcome), "1 ended sent", err)

	for _, phone := range []string{armed, claimed, inSending, ended, optedOut} {
		out, err := s.Settle(ctx, followup.Settlement{
			Tenant: old.tenant, Lead: lead(phone), Now: now, Real: now,
			Items: []followup.Item{{DedupID: "said " + phone, Channel: old.channel, Assistant: old.assistant, At: now, Opens: true}},
		})
		is("fresh", out.Fresh, []bool{false}, err)
		history, err := s.History(ctx, lead(phone), old.channel, now)
		if len(history) == 0 || history[0].Text != "hello" {
			t.Errorf("history of %s: got %+v, %v, want it to begin with hello", phone, history, err)
		}
	}
	guard := func(phone string, at time.Time) followup.Refusal {
		t.Helper()
		v, err := s.GuardSend(ctx, followup.GuardSend{
			Tenant: old.tenant, Lead: lead(phone), Channel: old.channel, Assistant: old.assistant,
			To: providers.Contact{Phone: phone}, FreeForm: phone != optedOut, Marketing: true, Now: at, Real: at,
		})
		if err != nil {
			t.Fatal(err)
		}
		return v.Refusal
	}
	is("the window, 1 ms before its end", guard(armed, epoch.Add(24*time.Hour-time.Millisecond)), followup.Allowed, nil)
	is("the window at its end", guard(armed, epoch.Add(24*time.Hour)), followup.RefusedWindow, nil)
	is("a lead that opted out", guard(optedOut, now), followup.RefusedOptedOut, nil)

	letters, n, err := s.DeadLetters(ctx, old.tenant, 10, 0)
	is("dead letters", n, 1, err)
	is("ReplayDead", nil, nil, s.ReplayDead(ctx, letters[0].ID, now))
	hello := map[followup.LeadID]bool{}
	for range 3 {
		for _, d := range claimAll(t, s, now) {
			hello[d.Lead] = hello[d.Lead] || strings.HasPrefix(textsIn(d), "hello ")
			delivered(t, s, d)
		}
	}
	is("leads whose hello was delivered", len(hello), 5, nil)
	for l, told := range hello {
		is("hello of "+string(l), told, true, nil)
	}

	c, err := s.Config(ctx, old.tenant, oldConfig)
	is("config", c.Steps, oldLadder.Steps, err)
	l, err := s.Ladder(ctx, old.tenant, oldLadder.Hash())
	is("ladder", l, oldLadder, err)
	paused, err := s.Pauses(ctx, old.tenant)
	is("pauses", paused, []followup.ChannelID{oldChannel}, err)
	key, err := s.BeginKey(ctx, old.tenant, "key", "print", now, time.Minute)
	is("idempotency key", fmt.Sprintf("%s %s", key.State, key.Answer), "done answer", err)
	ref, err := s.Message(ctx, old.tenant, "wamid.theirs", nil)
	is("message by the provider's id", ref.SenderID, "wamid.ours", err)
	parked, err := s.LinkMessage(ctx, old.tenant, followup.MessageRef{SenderID: "wamid.early"})
	is("parked receipts", len(parked), 1, err)
	note, err := s.TemplateNote(ctx, "account", "come_back", "pt_BR")
	is("note of a template", note.Status.Word, "PAUSED", err)
}

// TestI7NewerLeadIsLeftAlone checks that a lead that a newer version of the program wrote is not
// claimed and not written, and that every question about it is answered with an error. The work of
// other leads goes on, and the newer lead's work is unchanged.
func TestI7NewerLeadIsLeftAlone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		var log bytes.Buffer
		s.log = slog.New(slog.NewTextHandler(&log, nil))
		p, q := newParty(), newParty()
		leads := p.talking(t, s, followup.Identity{Phone: "15550100071"}, followup.Identity{Phone: "15550100072"},
			followup.Identity{Phone: "15550100074"})
		newer, ours, idle := leads[0], leads[1], leads[2]
		p.asLead(idle).mustSay(t, s, "before", epoch)
		run := p.start(t, s, newer, "c")
		p.start(t, s, ours, "c")
		written := func(format string) {
			t.Helper()
			for _, l := range []followup.LeadID{newer, idle} {
				if err := s.db.HSet(ctx, s.tag(l).lead(l), "v", format).Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
		all := func() string {
			t.Helper()
			text, err := dump(ctx, s.db)
			if err != nil {
				t.Fatal(err)
			}
			var of []string
			for line := range strings.Lines(string(text)) {
				if key := strings.SplitN(line, `" "`, 3)[1]; strings.Contains(key, string(newer)) {
					of = append(of, line)
				}
			}
			return strings.Join(of, "")
		}
		written("2")
		before := all()

		c := claimStep(t, s)
		if c.Run.Lead != ours {
			t.Errorf("claimed: got a step of %s, want only one of %s", c.Run.Lead, ours)
		}
		if b := claimSteps(t, s); len(b.Steps) != 0 || b.Wait(1) != heldBack {
			t.Errorf("claimed again: got %d steps, next in %v, want none and %v", len(b.Steps), b.Next, heldBack)
		}
		for _, d := range claimAll(t, s, epoch.Add(time.Hour)) {
			if d.Lead != ours {
				t.Error("deliveries: got one of the newer lead, want none")
			}
		}
		stranger := q.talking(t, s, followup.Identity{Phone: "15550100073"}) // another tenant's work goes on
		if len(stranger) != 1 {
			t.Fatal("another tenant's leads: got not one, want one")
		}
		for name, ask := range map[string]func() error{
			"settle": func() error { return p.asLead(newer).say(ctx, s, "x", epoch) },
			"settle by said": func() error {
				return errOf(s.Settle(ctx, followup.Settlement{
					Tenant: p.tenant, Lead: idle, Now: epoch, Real: epoch, Items: []followup.Item{{
						DedupID: "y", Channel: p.channel, Assistant: p.assistant, At: epoch, Opens: true, Reply: true,
						Relay: &followup.RelayEvent{Channel: p.channel, Field: "messages", Value: []byte(`{}`)},
					}},
				}))
			},
			"guard": func() error {
				return errOf(s.GuardStep(ctx, followup.GuardStep{Run: run, Token: "x", Now: epoch, Real: epoch, Lease: time.Minute}))
			},
			"guard of a message": func() error {
				return errOf(s.GuardSend(ctx, followup.GuardSend{
					Tenant: p.tenant, Lead: newer, Channel: p.channel, Assistant: p.assistant, Now: epoch, Real: epoch,
				}))
			},
			"finish": func() error {
				return errOf(s.FinishStep(ctx, followup.FinishStep{Run: run, Token: "x", Outcome: followup.Sent, Next: -1, Now: epoch, Real: epoch}))
			},
			"release": func() error {
				return s.ReleaseStep(ctx, followup.ReleaseStep{Run: run, Token: "x", Now: epoch, Real: epoch})
			},
			"cancel": func() error { return errOf(s.Cancel(ctx, p.tenant, run, epoch, epoch)) },
			"read":   func() error { return errOf(s.Lead(ctx, p.tenant, newer)) },
			"erase":  func() error { return s.EraseLead(ctx, p.tenant, newer, epoch) },
		} {
			if err := ask(); !errors.Is(err, errNewer) {
				t.Errorf("%s: got %v, want the error for a newer version", name, err)
			}
		}
		if after := all(); after != before {
			t.Errorf("the newer lead: got\n%s\nwant\n%s", after, before)
		}
		if n := strings.Count(log.String(), "newer version"); n != 1 {
			t.Errorf("log: got %d warnings, want one a minute:\n%s", n, &log)
		}
		written("1")
		if c := claimStep(t, s); c.Run.ID != run {
			t.Errorf("once it is readable: got run %s, want %s", c.Run.ID, run)
		}
	})
}

// asLead returns the party with another lead.
func (p party) asLead(l followup.LeadID) party {
	p.lead = l
	return p
}

// TestNewerConfigIsLeftAlone checks the same for a config.
func TestNewerConfigIsLeftAlone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		c := followup.Config{ID: "c", TenantID: p.tenant, AssistantID: p.assistant, IsActive: true, CreatedAt: epoch, UpdatedAt: epoch}
		if err := s.CreateConfig(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		packed, err := s.db.HGet(t.Context(), configsKey(p.tenant), "c").Result()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.db.HSet(t.Context(), configsKey(p.tenant), "c", "2"+packed[1:]).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Config(t.Context(), p.tenant, "c"); !errors.Is(err, errNewer) {
			t.Errorf("Config: got %v, want the error for a newer version", err)
		}
	})
}
