package ingest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// TestI2Concurrent: the same webhook, sent 50 times at once, takes effect once.
func TestI2Concurrent(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	run := h.arm(t, tenantA, "15550100001", sales, metaSales)
	body := messages("n-sales",
		text("15550100001", "wamid.1", minute(-2), "one"), text("15550100001", "wamid.2", minute(-1), "two"))
	var posts sync.WaitGroup
	for range 50 {
		posts.Go(func() {
			if err := h.postMeta(t.Context(), body); err != nil {
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

// TestI2BothFormats: the same message in Gupshup's versions 2 and 3 takes effect once.
func TestI2BothFormats(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	v3 := `{"gs_app_id":"` + gupAppID + `",` + messages("410000000000002", text("15550100001", "wamid.g1", minute(0), "hi"))[1:]
	h.gupshup(t, gupText("wamid.g1", "15550100001", "hi"))
	h.gupshup(t, v3)
	if got := len(h.values(t, sales)); got != 1 {
		t.Errorf("got %d relayed, want 1", got)
	}
	if got := h.duplicates(providers.Gupshup); got != 1 {
		t.Errorf("got %v duplicates, want 1", got)
	}
	// Version 2 has only Gupshup's time, and a minute is subtracted from it.
	w := h.lead(t, tenantA, "15550100001").Windows[gupSales]
	if want := now.Add(-time.Minute); !w.LastInbound.Equal(want) {
		t.Errorf("got window from %v, want %v", w.LastInbound, want)
	}
}

// TestI2EveryTypeInBothFormats: whatever both versions can tell is one event, whichever version
// comes first.
func TestI2EveryTypeInBothFormats(t *testing.T) {
	t.Parallel()
	const phone = "15550100001"
	v2 := func(typ, payload string) string {
		return fmt.Sprintf(`{"app":"AcmeCare","timestamp":%d,"version":2,"type":%q,"payload":%s}`, now.UnixMilli(), typ, payload)
	}
	v3 := func(field, value string) string {
		return `{"gs_app_id":"` + gupAppID + `",` + fieldOf(field, "410000000000002", value)[1:]
	}
	type pair struct {
		v2, v3 string
		kind   providers.Kind
	}
	pairs := map[string]pair{}
	for name, c := range map[string]struct {
		typ, payload, item string
		kind               providers.Kind
	}{
		"text":         {"text", `{"text":"hi"}`, `"type":"text","text":{"body":"hi"}`, providers.KindText},
		"image":        {"image", `{"url":"https://f.example/1","contentType":"image/jpeg"}`, `"type":"image","image":{"id":"1"}`, providers.KindImage},
		"video":        {"video", `{"url":"https://f.example/1"}`, `"type":"video","video":{"id":"1"}`, providers.KindVideo},
		"audio":        {"audio", `{"url":"https://f.example/1"}`, `"type":"audio","audio":{"id":"1","voice":true}`, providers.KindAudio},
		"document":     {"file", `{"url":"https://f.example/1","name":"a.pdf"}`, `"type":"document","document":{"id":"1"}`, providers.KindDocument},
		"sticker":      {"sticker", `{"url":"https://f.example/1"}`, `"type":"sticker","sticker":{"id":"1"}`, providers.KindSticker},
		"location":     {"location", `{"latitude":"1","longitude":"2"}`, `"type":"location","location":{"latitude":1,"longitude":2}`, providers.KindLocation},
		"contacts":     {"contact", `{"contacts":[{"name":{"formattedName":"A"}}]}`, `"type":"contacts","contacts":[{"name":{"formatted_name":"A"}}]`, providers.KindContacts},
		"list reply":   {"list_reply", `{"title":"Row","postbackText":"r"}`, `"type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"r","title":"Row"}}`, providers.KindInteractive},
		"button reply": {"button_reply", `{"title":"Yes","postbackText":"y"}`, `"type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"y","title":"Yes"}}`, providers.KindInteractive},
		"template tap": {"quick_reply", `{"text":"Yes","type":"button","postbackText":"y"}`, `"type":"button","button":{"payload":"y","text":"Yes"}`, providers.KindButton},
		"reaction":     {"reaction", `{"emoji":"👍","gsId":"gs-1"}`, `"type":"reaction","reaction":{"message_id":"gs-1","emoji":"👍"}`, providers.KindReaction},
		"removal":      {"reaction", `{"emoji":"","gsId":"gs-1"}`, `"type":"reaction","reaction":{"message_id":"gs-1"}`, providers.KindReactionRemoved},
		"unsupported":  {"poll", `{}`, `"type":"unsupported","unsupported":{"type":"poll_creation"}`, providers.KindUnsupported},
	} {
		pairs[name] = pair{
			v2("message", fmt.Sprintf(`{"id":"wamid.b","source":%q,"type":%q,"payload":%s,"sender":{"phone":%q}}`, phone, c.typ, c.payload, phone)),
			v3("messages", fmt.Sprintf(`"messages":[{"from":%q,"id":"wamid.b","timestamp":"%d",%s}]`, phone, minute(0), c.item)), c.kind,
		}
	}
	for _, state := range []string{"enqueued", "sent", "delivered", "read", "failed"} {
		id, gs := "wa-1", "gs-1"
		if state == "enqueued" {
			id, gs = "gs-1", ""
		}
		pairs[state] = pair{
			gupReport(state, id, gs),
			v3("messages", fmt.Sprintf(`"statuses":[{"gs_id":"gs-1","id":"uuid-1","meta_msg_id":"wa-1","status":%q,"timestamp":"%d","recipient_id":%q}]`, state, minute(0), phone)),
			providers.KindStatus,
		}
	}
	for _, word := range []string{"stop", "resume"} {
		item := fmt.Sprintf(`{"wa_id":%q,"category":"marketing_messages","value":%q,"timestamp":%d}`, phone, word, minute(-1))
		two := v2("preference-event", `{"type":"user_preferences","payload":{"user_preferences":[`+item+`]}}`)
		pairs["preference "+word] = pair{two, v3("user_preferences", `"user_preferences":[`+item+`]`), providers.KindPreference}
		pairs["preference event "+word] = pair{two, v3("preference-event", `"user_preferences":[`+item+`]`), providers.KindPreference}
	}
	const price = `"deductions":{"model":"PMP","billable":true,"category":"marketing"},"references":{"id":"wa-1","destination":"15550100001",`
	pairs["price"] = pair{
		v2("billing-event", `{`+price+`"gsId":"gs-1"}}`), v3("billing-event", `"billing":{`+price+`"gs_id":"gs-1"}}`), providers.KindAccount,
	}
	for name, p := range pairs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, order := range [][]string{{p.v2, p.v3}, {p.v3, p.v2}} {
				h := newHarness(t, nil)
				for _, body := range append(order, order...) {
					h.gupshup(t, body)
				}
				if got := h.events(providers.Gupshup, p.kind); got != 4 {
					t.Errorf("got %v events of kind %s, want 4, one for each body", got, p.kind)
				}
				if got := h.duplicates(providers.Gupshup); got != 3 {
					t.Errorf("got %v duplicates, want 3", got)
				}
				if got := len(h.values(t, sales)); got != 1 {
					t.Errorf("got %d relayed, want 1", got)
				}
			}
		})
	}
}
