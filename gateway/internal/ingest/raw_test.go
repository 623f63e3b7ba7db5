package ingest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
	"wagate/providers/gupshup"
)

// rawHarness returns a harness whose sales assistant wants webhooks as they came. They are posted
// with headers of many sorts.
func rawHarness(t *testing.T, change func(*Params)) *harness {
	t.Helper()
	h := newHarness(t, func(p *Params) {
		p.Raw = map[followup.AssistantID]bool{sales: true}
		if change != nil {
			change(p)
		}
	})
	h.header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"facebookexternalua"}, "X-Hub-Signature-256": {"sha256=theirs"},
		"X-Callback-Token": {"cb-unit"}, "Authorization": {"Bearer secret"}, "Cookie": {"a=b"},
	}
	return h
}

// part is the headers that are relayed with a narrowed webhook, whole those relayed with a whole
// one.
var (
	part  = map[string]string{webhook.ContentType: "application/json", webhook.UserAgent: "facebookexternalua"}
	whole = func() map[string]string {
		h := maps.Clone(part)
		h[webhook.Signature256] = "sha256=theirs"
		return h
	}()
)

// queued takes everything that waits for an assistant, one conversation after the other.
func (h *harness) queued(t *testing.T, a followup.AssistantID) []followup.RelayEvent {
	t.Helper()
	var out []followup.RelayEvent
	for {
		ds := h.relayed(t, a)
		if len(ds) == 0 {
			return out
		}
		for _, d := range ds {
			out = append(out, d.Events...)
			if err := h.store.FinishDelivery(t.Context(), followup.FinishDelivery{Delivery: d, Delivered: true, Real: now}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// wantRaw checks that an event is a raw webhook with this body, narrowed or whole.
func wantRaw(t *testing.T, e followup.RelayEvent, body string, narrowed bool) {
	t.Helper()
	if e.Raw == nil {
		t.Errorf("got %s %s in Meta's shape, want it as it came", e.Field, e.Value)
		return
	}
	if got := string(e.Raw.Body); got != body {
		t.Errorf("got  %q\nwant %q", got, body)
	}
	header := whole
	if narrowed {
		header = part
	}
	if e.Raw.Narrowed != narrowed || !maps.Equal(e.Raw.Header, header) {
		t.Errorf("got narrowed %v with headers %v, want %v with %v", e.Raw.Narrowed, e.Raw.Header, narrowed, header)
	}
	if len(e.Value)+len(e.Entry)+len(e.Account) > 0 {
		t.Errorf("got %+v, want nothing beside the raw webhook", e)
	}
}

// TestRawIsByteForByte: a body that concerns one conversation only is queued once, byte for byte.
func TestRawIsByteForByte(t *testing.T) {
	t.Parallel()
	one := messages("n-sales", text("15550100001", "wamid.1", minute(-1), "hi"))
	for name, body := range map[string]string{
		"a message":       one,
		"odd white space": " \n" + strings.ReplaceAll(one, ":", " :\t") + "\r\n",
		"not UTF-8":       strings.ReplaceAll(one, `"hi"`, "\"h\xffi \\u00e1 <b> \\/\""),
		"two messages":    messages("n-sales", text("15550100001", "wamid.1", minute(-2), "1"), text("15550100001", "wamid.2", minute(-1), "2")),
		"message and status": messages("n-sales", text("15550100001", "wamid.1", minute(-2), "1"),
			status("15550100001", "wamid.o", "read", "")),
		"status":          messages("n-sales", status("15550100001", "wamid.o", "sent", "")),
		"unknown members": strings.ReplaceAll(one, `"changes"`, `"time":1,"new":{},"changes"`),
		"account":         envelope(`{"id":"` + waba + `","changes":[{"field":"account_update","value":{"phone_number":"15550142200","event":"X"}}]}`),
		"user id and phone of one contact": messages("n-sales", text("15550100001/US.77", "wamid.1", minute(-2), "1"),
			text("15550100001", "wamid.2", minute(-1), "2")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := rawHarness(t, nil)
			h.meta(t, body)
			h.meta(t, body)
			got := h.queued(t, sales)
			if len(got) != 1 {
				t.Fatalf("got %d events %+v, want the body once", len(got), got)
			}
			wantRaw(t, got[0], body, false)
		})
	}
}

// TestI2RawIsQueuedWhole: if one of the events that share a raw webhook cannot be settled, none of
// them is queued. Otherwise the raw webhook would be queued again with the rest.
func TestI2RawIsQueuedWhole(t *testing.T) {
	t.Parallel()
	fail := failFirst(errAway)
	store := &tappedStore{message: func(string) error { return fail() }}
	h := rawHarness(t, func(p *Params) { p.Store = store })
	store.Store = h.store
	body := messages("n-sales", text("15550100001", "wamid.1", minute(-2), "1"), status("15550100001", "wamid.o", "read", ""))
	h.wantQueuedOnce(t, body)
}

// wantQueuedOnce posts a body twice. The first time must fail, and then the body must be queued as
// it is, once.
func (h *harness) wantQueuedOnce(t *testing.T, body string) {
	t.Helper()
	if err := h.postMeta(t.Context(), body); !errors.Is(err, webhook.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	h.meta(t, body)
	got := h.queued(t, sales)
	if len(got) != 1 {
		t.Fatalf("got %d events %+v, want the body once", len(got), got)
	}
	wantRaw(t, got[0], body, false)
}

// TestI2RawOfGroupIsQueuedWhole: the same holds for what several members said in one group.
func TestI2RawOfGroupIsQueuedWhole(t *testing.T) {
	t.Parallel()
	store := &tappedStore{resolve: failFirst(errAway)}
	h := rawHarness(t, func(p *Params) { p.Store = store })
	store.Store = h.store
	body := messages("n-sales",
		inGroup("g1", text("15550100001", "wamid.1", minute(-2), "1")), inGroup("g1", text("15550100002", "wamid.2", minute(-1), "2")))
	h.wantQueuedOnce(t, body)
}

// TestI10RawIsNarrowed: if a body has more than one conversation's items, each conversation gets
// the body without the items of the others.
func TestI10RawIsNarrowed(t *testing.T) {
	t.Parallel()
	first := text("15550100001", "wamid.1", minute(-2), "for us")
	other := text("15550100002", "wamid.2", minute(-1), "not for us")
	ours := messages("n-sales", first)
	for name, body := range map[string]string{
		"another contact": messages("n-sales", first, other),
		"in one list": replace(messages("n-sales", first), `"messages":[`,
			`"messages":[{"from":"15550100002","id":"wamid.2","type":"text","text":{"body":"not for us"}},`),
		"another assistant":    envelope(entry("messages", "n-sales", first), entry("messages", "n-support", other)),
		"another tenant":       envelope(entry("messages", "n-sales", first), entry("messages", "n-other", other)),
		"unknown number":       envelope(entry("messages", "n-nobody", other), entry("messages", "n-sales", first)),
		"another app's number": envelope(entry("messages", "n-strange", other), entry("messages", "n-sales", first)),
		"undecodable items":    messages("n-sales", first, `"messages":[7,"not for us"]`),
		"history not asked for": envelope(entry("messages", "n-sales", first), entry("history", "n-sales",
			`"history":[{"threads":[{"id":"15550100001","messages":[{"id":"h","from":"15550100001","text":{"body":"not for us"}}]}]}]`)),
		"a contact without a message": replace(ours, `"contacts":[`, `"contacts":[{"wa_id":"15550100002","profile":{"name":"not for us"}},`),
		"an unknown list":             replace(ours, `"changes":`, `"standby":[{"text":"not for us"}],"changes":`),
		"a duplicate list":            replace(ours, `"messages":[{`, `"messages":["not for us"],"messages":[{`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := rawHarness(t, func(p *Params) {
				p.MetaBinding[metaOther] = "main"
				p.Channels = append(p.Channels, followup.Channel{
					ID: "strange", Tenant: tenantA, Provider: "meta", Assistant: sales, Number: "n-strange", Account: waba,
				})
			})
			h.meta(t, body)
			var got []followup.RelayEvent
			for _, e := range h.queued(t, sales) {
				if e.Raw == nil || !strings.Contains(string(e.Raw.Body), "not for us") {
					got = append(got, e)
				}
			}
			if len(got) != 1 {
				t.Fatalf("got %d events that hold only our item, want 1", len(got))
			}
			wantRaw(t, got[0], ours, true)
			if strings.Contains(string(got[0].Raw.Body), "15550100002") {
				t.Errorf("got another contact in %s, want only ours", got[0].Raw.Body)
			}
		})
	}
}

// TestI9RawOrderAndOnce: raw webhooks keep their order and are checked for repetitions like any
// other events.
func TestI9RawOrderAndOnce(t *testing.T) {
	t.Parallel()
	h := rawHarness(t, nil)
	item := func(n int) string { return text("15550100001", fmt.Sprint("wamid.", n), minute(-9), fmt.Sprint(n)) }
	bodies := []string{
		messages("n-sales", item(1)), messages("n-sales", item(2), item(3)),
		messages("n-sales", item(3)), // a repetition
		messages("n-sales", item(3), item(4)),
		messages("n-sales", item(4), item(1), item(2)), // a repetition, batched in another way
		messages("n-sales", item(5)),
	}
	for _, b := range bodies {
		h.meta(t, b)
	}
	var got []string
	for _, e := range h.queued(t, sales) {
		got = append(got, string(e.Raw.Body))
	}
	want := []string{bodies[0], bodies[1], bodies[3], bodies[5]}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRawBesideMetaShape: each assistant of an account gets the notice in its own format.
func TestRawBesideMetaShape(t *testing.T) {
	t.Parallel()
	h := rawHarness(t, nil)
	body := `{"object":"whatsapp_business_account","entry":[{"id":"` + waba + `","changes":[{"field":"message_template_status_update",` +
		`"value":{"event":"PAUSED","message_template_id":1,"message_template_name":"visit","message_template_language":"en-US"}}]}]}`
	h.meta(t, body)
	got := h.queued(t, sales)
	if len(got) != 1 {
		t.Fatalf("got %d events, want 1", len(got))
	}
	wantRaw(t, got[0], body, false) // a notice about the account may go whole to each of its assistants
	got = h.queued(t, support)
	if len(got) != 1 || got[0].Raw != nil || got[0].Field != "message_template_status_update" {
		t.Errorf("got %+v, want one event in Meta's shape", got)
	}
}

// TestRawOfStrangers: contacts who are not leads have a conversation each, so a body about two of
// them is narrowed.
func TestRawOfStrangers(t *testing.T) {
	t.Parallel()
	h := rawHarness(t, nil)
	a, b := status("15550100001", "wamid.o1", "sent", ""), status("15550100002", "wamid.o2", "sent", "")
	h.meta(t, messages("n-sales", a, b))
	got := h.queued(t, sales)
	if len(got) != 2 {
		t.Fatalf("got %d events, want one for each contact", len(got))
	}
	slices.SortFunc(got, func(x, y followup.RelayEvent) int { return strings.Compare(string(x.Raw.Body), string(y.Raw.Body)) })
	wantRaw(t, got[0], messages("n-sales", a), true)
	wantRaw(t, got[1], messages("n-sales", b), true)
}

// TestRawGupshup: a callback of version 2 is queued whole. A callback of version 3 is narrowed, and
// keeps Gupshup's own members.
func TestRawGupshup(t *testing.T) {
	t.Parallel()
	h := rawHarness(t, nil)
	v2 := gupText("wamid.g1", "15550100001", "hi")
	h.gupshup(t, v2)
	got := h.queued(t, sales)
	if len(got) != 1 {
		t.Fatalf("got %d events, want 1", len(got))
	}
	wantRaw(t, got[0], v2, false)

	v3 := func(items ...string) string {
		return replace(replace(messages("n-any", items...), `"object":`, `"gs_app_id":"`+gupAppID+`","object":`), `"timestamp":"`, `"gs_id":"g","timestamp":"`)
	}
	a, b := text("15550100001", "wamid.g2", minute(-1), "a"), text("15550100002", "wamid.g3", minute(-1), "b")
	h.gupshup(t, v3(a, b))
	got = h.queued(t, sales)
	if len(got) != 2 {
		t.Fatalf("got %d events, want 2", len(got))
	}
	slices.SortFunc(got, func(x, y followup.RelayEvent) int { return strings.Compare(string(x.Raw.Body), string(y.Raw.Body)) })
	wantRaw(t, got[0], v3(a), true)
	wantRaw(t, got[1], v3(b), true)

	// A callback of version 3 about one user may still name others beside.
	beside := v3(text("15550100001", "wamid.g4", minute(-1), "c"))
	h.gupshup(t, replace(beside, `"contacts":[`, `"contacts":[{"wa_id":"15550100002"},`))
	if got = h.queued(t, sales); len(got) != 1 {
		t.Fatalf("got %d events, want 1", len(got))
	}
	wantRaw(t, got[0], beside, true)

	// The same message in the other version is a repetition.
	h.gupshup(t, v3(text("15550100001", "wamid.g1", minute(-1), "hi")))
	if got := h.queued(t, sales); len(got) != 0 {
		t.Errorf("got %d events, want none: version 2 brought it before", len(got))
	}

	// A callback of version 2 about two users has no parts.
	h.gupshup(t, fmt.Sprintf(`{"app":"AcmeCare","timestamp":%d,"version":2,"type":"preference-event","payload":{"user_preferences":[`+
		`{"wa_id":"15550100001","category":"marketing_messages","value":"stop","timestamp":%d},`+
		`{"wa_id":"15550100002","category":"marketing_messages","value":"stop","timestamp":%d}]}}`, now.UnixMilli(), now.Unix(), now.Unix()))
	got = h.queued(t, sales)
	if len(got) != 2 || got[0].Raw != nil || got[1].Raw != nil {
		t.Errorf("got %+v, want two in Meta's shape", got)
	}
}

// TestRawEffects: a raw webhook has all the other effects of its events: window, opt-out, reply and
// history.
func TestRawEffects(t *testing.T) {
	t.Parallel()
	h := rawHarness(t, nil)
	run := h.arm(t, tenantA, "15550100001", sales, metaSales)
	h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-2), "hi"), text("15550100001", "wamid.2", minute(-1), "STOP")))
	l := h.lead(t, tenantA, "15550100001")
	if w := l.Windows[metaSales]; !w.LastInbound.Equal(now.Add(-time.Minute)) || !l.OptedOut {
		t.Errorf("got window from %v and opted out %v, want the last message's time and true", w.LastInbound, l.OptedOut)
	}
	if got := h.run(t, tenantA, run); got.Reason != followup.Replied {
		t.Errorf("got run %s %s, want it ended by the reply", got.State, got.Reason)
	}
	entries, err := h.store.History(t.Context(), run.Lead(), metaSales, now)
	if err != nil || len(entries) != 2 {
		t.Errorf("got history %v (%v), want both messages", entries, err)
	}
	var fields []string
	for _, e := range h.queued(t, sales) {
		fields = append(fields, e.Field)
	}
	if want := []string{"followup", "messages", "followup"}; !slices.Equal(fields, want) {
		t.Errorf("got fields %v, want the body between the run's start and end: %v", fields, want)
	}
}

// TestRawPerChannel: a lead has one conversation for each channel, and each gets its own part of
// the body.
func TestRawPerChannel(t *testing.T) {
	t.Parallel()
	h := rawHarness(t, func(p *Params) {
		p.Channels = append(p.Channels, followup.Channel{
			ID: "second", Tenant: tenantA, Provider: "meta", Assistant: sales, Number: "n-second", Account: waba,
		})
		p.MetaBinding["second"] = "main"
	})
	here := entry("messages", "n-sales", text("15550100001", "wamid.1", minute(-2), "here"))
	there := entry("messages", "n-second", text("15550100001", "wamid.2", minute(-1), "there"))
	h.meta(t, envelope(here, there))
	got := h.queued(t, sales)
	if len(got) != 2 {
		t.Fatalf("got %d events, want one for each channel", len(got))
	}
	wantRaw(t, got[0], envelope(here), true)
	wantRaw(t, got[1], envelope(there), true)
}

// TestI10RawThatCannotBeNarrowed: a callback of version 2 has no parts. If it says anything beside
// the one conversation, the event is queued in Meta's shape.
func TestI10RawThatCannotBeNarrowed(t *testing.T) {
	t.Parallel()
	h := rawHarness(t, nil)
	h.gupshup(t, fmt.Sprintf(`{"app":"AcmeCare","timestamp":%d,"version":2,"type":"preference-event","payload":{"user_preferences":[`+
		`{"wa_id":"15550100001","category":"marketing_messages","value":"stop","timestamp":%d},["15550100002"]]}}`, now.UnixMilli(), now.Unix()))
	if got := h.queued(t, sales); len(got) != 1 || got[0].Raw != nil {
		t.Errorf("got %+v, want one in Meta's shape", got)
	}

	// If the whole webhook was shared by events that turn out to be of two leads, neither gets it.
	channel := &followup.Channel{ID: gupSales, Assistant: sales}
	list := []*arrival{{event: &providers.Event{}, channel: channel}, {event: &providers.Event{}, item: 1, channel: channel}}
	from := h.source([]byte(`{}`), h.header.Get, len(list), gupshup.NewNarrower)
	from.whole = true
	for i, a := range list {
		from.mark(i, []*arrival{a})
	}
	h.attachRaw(list)
	if list[0].raw == nil || list[0].raw != list[1].raw {
		t.Fatal("got no shared webhook for both events, want one")
	}
	h.attachRaw(list[:1])
	if list[0].raw != nil {
		t.Error("got the shared webhook for one event alone, want none")
	}
}
