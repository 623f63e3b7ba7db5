package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
)

// TestI2Concurrent: the same webhook 50 times at once takes effect once.
func TestI2Concurrent(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	run := h.arm(t, tenantA, "15550100001", sales, metaSales)
	body := messages("n-sales",
		text("15550100001", "wamid.1", minute(-2), "one"), text("15550100001", "wamid.2", minute(-1), "two"))
	var posts sync.WaitGroup
	for range 50 {
		posts.Go(func() {
			if err := h.Meta(t.Context(), "main", sign("new-unit-secret", body), []byte(body)); err != nil {
				t.Errorf("got %v, want nil", err)
			}
		})
	}
	posts.Wait()
	if got := h.run(t, tenantA, run); got.State != followup.RunEnded || got.Reason != followup.Replied {
		t.Errorf("got run %s %s, want ended replied", got.State, got.Reason)
	}
	if got := len(h.values(t, sales)); got != 2 {
		t.Errorf("got %d relayed, want 2", got)
	}
	if got := h.events(providers.Meta, providers.KindText); got != 100 {
		t.Errorf("got %v events, want 100", got)
	}
	if got := h.duplicates(providers.Meta); got != 98 {
		t.Errorf("got %v duplicates, want 98", got)
	}
	if got := h.leads(t, tenantA); got != 1 {
		t.Errorf("got %d leads, want 1", got)
	}
	entries, err := h.store.History(t.Context(), run.Lead(), metaSales, now)
	if err != nil || len(entries) != 2 || entries[0].Text != "one" || entries[1].Text != "two" {
		t.Errorf("got history %v (%v), want one, two", entries, err)
	}
}

// TestI14BatchOfMany: many leads, some items bad; the good ones are settled, in
// order within their lead.
func TestI14BatchOfMany(t *testing.T) {
	t.Parallel()
	const leads = 60
	h := newHarness(t, nil)
	var values []string
	for round := range 3 {
		for i := range leads {
			values = append(values, text(fmt.Sprintf("1555010%04d", i), fmt.Sprintf("wamid.%d.%d", i, round), minute(round-5), fmt.Sprint(round)))
		}
		values = append(values, `"messages":[7]`, `"messages":[{"id":"wamid.nobody`+fmt.Sprint(round)+`","type":5}]`, `"statuses":[{}]`)
	}
	h.meta(t, messages("n-sales", values...))
	if got := h.leads(t, tenantA); got != leads {
		t.Errorf("got %d leads, want %d", got, leads)
	}
	if got := h.droppedFor(providers.Meta, dropUndecodable); got != 9 {
		t.Errorf("got %v undecodable, want 9", got)
	}
	for _, d := range h.relayed(t, sales) {
		var order []string
		for _, e := range d.Events {
			order = append(order, member(t, string(e.Value), "messages", 0, "text", "body"))
		}
		if want := []string{"0", "1", "2"}; !slices.Equal(order, want) {
			t.Fatalf("got order %v, want %v", order, want)
		}
	}
}

// TestI1NothingAcknowledgedUnsettled: whichever settlement fails, the body is
// not acknowledged; sent again, everything is there exactly once.
func TestI1NothingAcknowledgedUnsettled(t *testing.T) {
	t.Parallel()
	const leads = 5
	var values []string
	for i := range leads {
		values = append(values, text(fmt.Sprintf("1555010%04d", i), fmt.Sprintf("wamid.%d", i), minute(-1), "hi"))
	}
	body := messages("n-sales", values...)
	for k := 1; k <= leads; k++ {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			var f *flaky
			s := memstore.New()
			h := newHarnessOn(t, s, func(p *Params) {
				f = &flaky{Store: s, broken: func(n int) error {
					if n == k {
						return errAway
					}
					return nil
				}}
				p.Store = f
			})
			err := h.Meta(t.Context(), "main", sign("new-unit-secret", body), []byte(body))
			if !errors.Is(err, webhook.ErrUnavailable) {
				t.Fatalf("got %v, want ErrUnavailable", err)
			}
			if got := h.events(providers.Meta, providers.KindText); got != leads-1 {
				t.Errorf("got %v events settled, want the other %d", got, leads-1)
			}
			h.meta(t, body)
			if got := len(h.values(t, sales)); got != leads {
				t.Errorf("got %d relayed, want %d", got, leads)
			}
			if got := h.duplicates(providers.Meta); got != leads-1 {
				t.Errorf("got %v duplicates, want %d", got, leads-1)
			}
		})
	}
}

// unresolving cannot tell who the first contact is.
type unresolving struct {
	*memstore.Store

	once sync.Once
}

func (u *unresolving) Resolve(
	ctx context.Context, tenant followup.TenantID, who followup.Identity, create bool, at time.Time,
) (followup.LeadID, error) {
	var err error
	u.once.Do(func() { err = errAway })
	if err != nil {
		return "", err
	}
	return u.Store.Resolve(ctx, tenant, who, create, at)
}

// TestI9OrderAfterAFailure: what follows an event that could not be placed waits
// with it, so that sending the body again keeps the order.
func TestI9OrderAfterAFailure(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	h := newHarnessOn(t, s, func(p *Params) { p.Store = &unresolving{Store: s} })
	body := messages("n-sales",
		text("15550100001", "wamid.1", minute(-3), "one"), text("15550100001", "wamid.2", minute(-2), "two"))
	if err := h.Meta(t.Context(), "main", sign("new-unit-secret", body), []byte(body)); !errors.Is(err, webhook.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	h.meta(t, body)
	var got []string
	for _, v := range h.values(t, sales) {
		got = append(got, member(t, v, "messages", 0, "text", "body"))
	}
	if want := []string{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// mover merges the lead away just before it is settled for the first time.
type mover struct {
	*memstore.Store

	once sync.Once
	move func()
}

func (m *mover) Settle(ctx context.Context, s followup.Settlement) (followup.Settled, error) {
	m.once.Do(m.move)
	return m.Store.Settle(ctx, s)
}

func TestLeadMoves(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	m := &mover{Store: s}
	h := newHarnessOn(t, s, func(p *Params) { p.Store = m })
	older, err := m.Resolve(t.Context(), tenantA, followup.Identity{Phone: "15550100001"}, true, now.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	m.move = func() {
		// Somebody else learns that the user id and the phone are one person.
		if _, err := m.Resolve(context.Background(), tenantA, followup.Identity{Phone: "15550100001", UserID: "US.77"}, false, now); err != nil {
			t.Error(err)
		}
	}
	h.meta(t, messages("n-sales", text("US.77", "wamid.1", minute(-1), "hi")))
	l := h.lead(t, tenantA, "US.77")
	if l.ID != older || !l.Windows[metaSales].LastInbound.Equal(now.Add(-time.Minute)) {
		t.Errorf("got lead %s with windows %v, want the older one with an open window", l.ID, l.Windows)
	}

	t.Run("for ever", func(t *testing.T) {
		t.Parallel()
		var f *flaky
		s := memstore.New()
		h := newHarnessOn(t, s, func(p *Params) {
			f = &flaky{Store: s, broken: func(int) error { return followup.ErrLeadMoved }}
			p.Store = f
		})
		body := messages("n-sales", text("15550100001", "wamid.1", minute(-1), "hi"))
		err := h.Meta(t.Context(), "main", sign("new-unit-secret", body), []byte(body))
		if !errors.Is(err, webhook.ErrUnavailable) || f.n != moves+1 {
			t.Errorf("got %v after %d settlements, want ErrUnavailable after %d", err, f.n, moves+1)
		}
	})
}

// TestI5ReplyByUserID: a run started by phone ends with a reply by user id, on
// another channel of the same assistant, once both are known to be one.
func TestI5ReplyByUserID(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	run := h.arm(t, tenantA, "15550100001", sales, metaSales)
	h.meta(t, messages("n-support", text("15550100001/US.77", "wamid.1", minute(-9), "who are you?")))
	if got := h.run(t, tenantA, run); got.State == followup.RunEnded {
		t.Fatalf("got run ended by a message to another assistant, want it live")
	}
	h.gupshup(t, replace(gupText("wamid.2", "x", "yes"), `"source":"x"`, `"source":"US.77"`))
	if got := h.run(t, tenantA, run); got.State != followup.RunEnded || got.Reason != followup.Replied {
		t.Errorf("got run %s %s, want ended replied", got.State, got.Reason)
	}
	if got := h.cancelled(t, followup.Replied); got != 1 {
		t.Errorf("got %v steps counted as cancelled by the reply, want 1", got)
	}
	if n := h.leads(t, tenantA); n != 1 {
		t.Errorf("got %d leads, want 1", n)
	}
}

// TestI3Window: which events open the window, and from when.
func TestI3Window(t *testing.T) {
	t.Parallel()
	echo := `"message_echoes":[{"from":"15550142200","to":"15550100001","id":"wamid.e","timestamp":"` + fmt.Sprint(minute(-1)) + `","type":"text","text":{"body":"hello"}}]`
	reaction := `"messages":[{"from":"15550100001","id":"wamid.r","timestamp":"` + fmt.Sprint(minute(-1)) + `","type":"reaction","reaction":{"message_id":"wamid.o","emoji":"+"}}]`
	cases := []struct {
		name string
		body string
		want time.Time
	}{
		{"by its own time", messages("n-sales", text("15550100001", "wamid.1", minute(-90), "x")), now.Add(-90 * time.Minute)},
		{"the latest", messages("n-sales", text("15550100001", "wamid.1", minute(-30), "x"), text("15550100001", "wamid.2", minute(-60), "x")), now.Add(-30 * time.Minute)},
		{"future is now", messages("n-sales", text("15550100001", "wamid.1", minute(90), "x")), now},
		{"no time is now", replace(messages("n-sales", text("15550100001", "wamid.1", 0, "x")), `"timestamp":"0",`, ""), now},
		{"status", messages("n-sales", status("15550100001", "wamid.o", "read", "")), time.Time{}},
		{"echo", fieldOf("smb_message_echoes", "n-sales", echo), time.Time{}},
		{"reaction", messages("n-sales", reaction), time.Time{}},
		{"group", replace(messages("n-sales", text("15550100001", "wamid.1", minute(-1), "x")), `"type":"text"`, `"group_id":"g1","type":"text"`), time.Time{}},
		{"call", fieldOf("calls", "n-sales", `"calls":[{"id":"wacid.1","from":"15550100001","to":"15550142200","event":"connect","timestamp":"`+fmt.Sprint(minute(-5))+`","direction":"USER_INITIATED"}]`), now.Add(-5 * time.Minute)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			if _, err := h.store.Resolve(t.Context(), tenantA, followup.Identity{Phone: "15550100001"}, true, now); err != nil {
				t.Fatal(err)
			}
			h.meta(t, c.body)
			if got := h.lead(t, tenantA, "15550100001").Windows[metaSales].LastInbound; !got.Equal(c.want) {
				t.Errorf("got window from %v, want %v", got, c.want)
			}
			if got := len(h.values(t, sales)); got == 0 {
				t.Error("got nothing relayed, want the event")
			}
		})
	}

	t.Run("scaled clock takes the arrival", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, func(p *Params) { p.ArrivalTime = true })
		h.meta(t, cases[0].body)
		if got := h.lead(t, tenantA, "15550100001").Windows[metaSales].LastInbound; !got.Equal(now) {
			t.Errorf("got window from %v, want %v", got, now)
		}
	})
}

func TestOptOut(t *testing.T) {
	t.Parallel()
	preference := func(value string) string {
		return fieldOf("user_preferences", "n-sales", `"contacts":[{"wa_id":"15550100001"}],"user_preferences":[{"wa_id":"15550100001",`+
			`"category":"marketing_messages","value":"`+value+`","timestamp":`+fmt.Sprint(minute(-1))+`}]`)
	}
	message := func(s string) string { return messages("n-sales", text("15550100001", "wamid.1", minute(-1), s)) }
	cases := []struct {
		name string
		body string
		was  bool
		want bool
	}{
		{"the word", message("stop"), false, true},
		{"with noise", message(" *PARAR!* "), false, true},
		{"in a sentence", message("please stop by"), false, false},
		{"as a caption", replace(replace(message("stop"), `"type":"text"`, `"type":"image"`), `"text":{"body":"stop"}`, `"image":{"id":"1","caption":"stop"}`), false, false},
		{"preference", preference("stop"), false, true},
		{"resume", preference("resume"), true, false},
		{"talking does not resume", message("hello"), true, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			run := h.arm(t, tenantA, "15550100001", support, metaSupport)
			if c.was {
				l := h.lead(t, tenantA, "15550100001")
				l.OptedOut = true
				if _, err := h.store.PutLead(t.Context(), followup.PutLead{Lead: l, Now: now, Real: now}); err != nil {
					t.Fatal(err)
				}
			}
			h.meta(t, c.body)
			if got := h.lead(t, tenantA, "15550100001").OptedOut; got != c.want {
				t.Errorf("got opted out %v, want %v", got, c.want)
			}
			ended := h.run(t, tenantA, run).State == followup.RunEnded
			if ended != (c.want || c.was) {
				t.Errorf("got run ended %v, want %v", ended, c.want || c.was)
			}
			if want := map[bool]float64{true: 1}[c.want || c.was]; h.cancelled(t, followup.OptedOut) != want && !c.was {
				t.Errorf("got %v steps cancelled by opting out, want %v", h.cancelled(t, followup.OptedOut), want)
			}
		})
	}
	t.Run("an unknown contact's stop is kept", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, nil)
		h.meta(t, preference("stop"))
		if !h.lead(t, tenantA, "15550100001").OptedOut {
			t.Error("got not opted out, want opted out")
		}
	})
}

// TestRekey: after a system notice both identities are one lead, which is
// addressed by the new one.
func TestRekey(t *testing.T) {
	t.Parallel()
	system := func(from, rest string) string {
		return messages("n-sales", `"messages":[{`+from+`"id":"wamid.s","timestamp":"`+fmt.Sprint(minute(-1))+`","type":"system","system":{"body":"x",`+rest+`}}]`)
	}
	cases := []struct {
		name, before, notice, after string
		phone, user                 string
	}{
		{
			"number and user id", "15550100001/US.1",
			system(`"from":"15550100001",`, `"type":"user_changed_number","wa_id":"15550100002","user_id":"US.2","previous_user_id":"US.1"`),
			"US.2", "15550100002", "US.2",
		},
		{
			"phones only", "15550100001",
			system(`"from":"15550100001",`, `"type":"user_changed_number","wa_id":"15550100002"`),
			"15550100002", "15550100002", "",
		},
		{
			"user id only, new phone hidden", "15550100001/US.1",
			system("", `"type":"user_changed_user_id","user_id":"US.2","previous_user_id":"US.1"`),
			"US.2", "", "US.2",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			h.meta(t, messages("n-sales", text(c.before, "wamid.1", minute(-60), "hi")))
			id := h.lead(t, tenantA, c.before).ID
			run := h.arm(t, tenantA, c.before, sales, metaSales)
			h.meta(t, c.notice)
			h.meta(t, c.notice) // again
			if h.run(t, tenantA, run).State == followup.RunEnded {
				t.Error("got run ended by a notice, want it live")
			}
			l := h.lead(t, tenantA, c.after)
			if l.ID != id || l.Phone != c.phone || l.UserID != c.user {
				t.Errorf("got lead %s with phone %q and user %q, want %s with %q and %q", l.ID, l.Phone, l.UserID, id, c.phone, c.user)
			}
			if l.WindowOpen(metaSales, now) {
				t.Error("got the window open for the new identity, want it closed until its first message")
			}
			h.meta(t, messages("n-sales", text(c.after, "wamid.2", minute(0), "it is me")))
			if l := h.lead(t, tenantA, c.after); !l.WindowOpen(metaSales, now) {
				t.Error("got the window closed after the first message, want it open")
			}
			if got := h.run(t, tenantA, run); got.Reason != followup.Replied {
				t.Errorf("got run %s %s, want replied", got.State, got.Reason)
			}
			if n := h.leads(t, tenantA); n != 1 {
				t.Errorf("got %d leads, want 1", n)
			}
		})
	}
	t.Run("of a stranger", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, nil)
		h.meta(t, cases[0].notice)
		if n := h.leads(t, tenantA); n != 0 {
			t.Errorf("got %d leads, want none", n)
		}
		if got := len(h.values(t, sales)); got != 1 {
			t.Errorf("got %d relayed, want 1", got)
		}
	})
}

func TestMentionsCreateNoLead(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"status": messages("n-sales", status("15550100001", "wamid.o", "sent", "")),
		"group":  replace(messages("n-sales", text("15550100001", "wamid.1", minute(-1), "x")), `"type":"text"`, `"group_id":"g1","type":"text"`),
		"echo":   fieldOf("smb_message_echoes", "n-sales", `"message_echoes":[{"from":"15550142200","to":"15550100001","id":"wamid.e","timestamp":"1","type":"text","text":{"body":"x"}}]`),
	} {
		h := newHarness(t, nil)
		h.meta(t, body)
		if n := h.leads(t, tenantA); n != 0 {
			t.Errorf("%s: got %d leads, want none", name, n)
		}
		ds := h.relayed(t, sales)
		if len(ds) != 1 || ds[0].Lead != followup.AccountLead(metaSales) {
			t.Errorf("%s: got %+v, want one delivery without a lead", name, ds)
		}
	}
}

func TestEchoSpeaksForTheBusiness(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	run := h.arm(t, tenantA, "15550100001", sales, metaSales)
	h.meta(t, fieldOf("smb_message_echoes", "n-sales",
		`"message_echoes":[{"from":"15550142200","to":"15550100001","id":"wamid.e","timestamp":"`+fmt.Sprint(minute(-1))+`","type":"text","text":{"body":"STOP"}}]`))
	if h.run(t, tenantA, run).State == followup.RunEnded {
		t.Error("got run ended by an echo, want it live")
	}
	entries, err := h.store.History(t.Context(), run.Lead(), metaSales, now)
	if err != nil || len(entries) != 1 || entries[0].From != followup.FromBusiness {
		t.Errorf("got history %v (%v), want one entry of the business", entries, err)
	}
	if h.lead(t, tenantA, "15550100001").OptedOut {
		t.Error("got opted out by the business's own word, want not")
	}
	fields := map[string]bool{}
	for _, d := range h.relayed(t, sales) {
		for _, e := range d.Events {
			fields[e.Field] = true
		}
	}
	if !fields["smb_message_echoes"] || fields["messages"] {
		t.Errorf("got fields %v, want smb_message_echoes and not messages", fields)
	}
}

func TestHistoryGoesNowhere(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.meta(t, fieldOf("history", "n-sales",
		`"history":[{"metadata":{"phase":0},"threads":[{"id":"15550100001","messages":[{"from":"15550100001","id":"wamid.h","timestamp":"1","type":"text","text":{"body":"old"}}]}]}]`))
	if n, relayed := h.leads(t, tenantA), len(h.values(t, sales)); n != 0 || relayed != 0 {
		t.Errorf("got %d leads and %d relayed, want none", n, relayed)
	}
	if got := h.droppedFor(providers.Meta, dropHistory); got != 1 {
		t.Errorf("got %v of history, want 1", got)
	}
}

// TestAccountEvents: each assistant of the app on that account is told, once.
func TestAccountEvents(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	body := `{"object":"whatsapp_business_account","entry":[{"id":"` + waba + `","time":1790000000,"changes":[{"field":"message_template_status_update",` +
		`"value":{"event":"PAUSED","message_template_id":1,"message_template_name":"visit","message_template_language":"en-US"}}]}]}`
	h.meta(t, body)
	h.meta(t, body)
	for a, c := range map[followup.AssistantID]followup.ChannelID{sales: metaSales, support: metaSupport} {
		ds := h.relayed(t, a)
		if len(ds) != 1 || len(ds[0].Events) != 1 || ds[0].Lead != followup.AccountLead(c) {
			t.Errorf("%s: got %+v, want one event under its account", a, ds)
		}
	}
	if got := len(h.relayed(t, other)); got != 0 {
		t.Errorf("got %d deliveries for a channel of another app, want none", got)
	}
	if got := h.events(providers.Meta, providers.KindTemplate); got != 2 {
		t.Errorf("got %v events, want 2: one notice, twice", got)
	}
	if len(h.tmpl) == 0 || h.tmpl[0].Name != "visit" || h.tmpl[0].Language != "en_US" || h.tmpl[0].Status != "PAUSED" {
		t.Errorf("got template changes %+v, want visit en_US PAUSED", h.tmpl)
	}
}

func TestHistoryText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", maxSaid+5)
	cases := []struct {
		kind providers.Kind
		text string
		want string
	}{
		{providers.KindText, " hi ", "hi"},
		{providers.KindImage, "", "[image]"},
		{providers.KindImage, "look", "look"},
		{providers.KindReaction, "+", "[reaction] +"},
		{providers.KindCall, "", "[call]"},
		{providers.KindText, long, strings.Repeat("é", maxSaid) + "…"},
	}
	for _, c := range cases {
		if got := said(providers.Event{Kind: c.kind, Text: c.text}); got != c.want {
			t.Errorf("%s %.20q: got %.30q, want %.30q", c.kind, c.text, got, c.want)
		}
	}
}

// TestRearm: the business's next message after a reply tells whose run waits.
func TestRearm(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	l, err := h.store.Resolve(t.Context(), tenantA, followup.Identity{Phone: "15550100001"}, true, now)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = h.store.Start(t.Context(), tenantA, l, followup.Arm{
		Config: "cccccccc-0000-4000-8000-000000000001", Assistant: sales, Channel: metaSales, Ladder: "ladder",
		Interval: time.Hour, RearmOnReply: true,
	}, false, now, now)
	if err != nil {
		t.Fatal(err)
	}
	h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-2), "yes")))
	if len(h.rearm) != 0 || h.wakes != 1 {
		t.Errorf("got rearm %v and %d wakes after the reply, want none and 1", h.rearm, h.wakes)
	}
	h.meta(t, fieldOf("smb_message_echoes", "n-sales",
		`"message_echoes":[{"from":"15550142200","to":"15550100001","id":"wamid.e","timestamp":"1","type":"text","text":{"body":"ok"}}]`))
	if !slices.Equal(h.rearm, []followup.AssistantID{sales}) {
		t.Errorf("got rearm %v, want %s", h.rearm, sales)
	}
}

// TestMetricsFromStart: a rate exists before the first event.
func TestMetricsFromStart(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, f := range families {
		got[f.GetName()] = len(f.GetMetric())
	}
	for name, want := range map[string]int{
		"wagate_events_total":           2 * len(providers.Kinds),
		"wagate_events_duplicate_total": 2,
		"wagate_events_dropped_total":   2 * 5,
	} {
		if got[name] != want {
			t.Errorf("%s: got %d series, want %d", name, got[name], want)
		}
	}
}

// TestI11Quiet: what goes wrong is logged without saying about whom.
func TestI11Quiet(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	s := memstore.New()
	h := newHarnessOn(t, s, func(p *Params) {
		p.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		p.Store = &flaky{Store: s, broken: func(int) error { return errAway }}
	})
	body := messages("n-sales", text("15550100001/US.77", "wamid.1", minute(-1), "my secret"), `"messages":[7]`)
	err := h.Meta(t.Context(), "main", sign("new-unit-secret", body), []byte(body))
	for _, secret := range []string{"15550100001", "US.77", "my secret", "unit-secret", "Noor"} {
		if strings.Contains(log.String(), secret) || strings.Contains(err.Error(), secret) {
			t.Errorf("got %q in the log or the error, want it kept quiet:\n%s%v", secret, log.String(), err)
		}
	}
	if log.Len() == 0 {
		t.Error("got nothing logged, want the failure")
	}
}
