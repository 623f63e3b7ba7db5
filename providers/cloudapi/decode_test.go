package cloudapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wagate/providers"
)

const meta = `"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550140001","phone_number_id":"420000000000007"}`

// body returns a webhook body of one entry with one change of this field per value.
func body(field string, values ...string) string {
	var changes []string
	for _, v := range values {
		changes = append(changes, `{"field":"`+field+`","value":`+v+`}`)
	}
	return `{"object":"whatsapp_business_account","entry":[{"id":"320000000000009","changes":[` +
		strings.Join(changes, ",") + `]}]}`
}

// decode decodes a body that must be accepted.
func decode(t *testing.T, body string, o Options) Batch {
	t.Helper()
	b, err := Decode([]byte(body), o)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	return b
}

// one decodes a body that must hold exactly one item and returns its event.
func one(t *testing.T, body string, o Options) providers.Event {
	t.Helper()
	b := decode(t, body, o)
	if len(b.Events) != 1 || b.Skipped != 0 {
		t.Fatalf("got %d events, %d skipped, want 1, 0", len(b.Events), b.Skipped)
	}
	return b.Events[0]
}

// Each type of message has its kind, text and quoted id, and the item itself
// is passed on byte by byte.
func TestDecodeKinds(t *testing.T) {
	t.Parallel()
	const who = `"from":"5511970000001","from_user_id":"BR.81a","id":"wamid.M1","timestamp":"1790000001",`
	for name, test := range map[string]struct {
		item   string
		kind   providers.Kind
		text   string
		quoted string
	}{
		"text":                  {`"type":"text","text":{"body":"ol\u00e1 \ud83d\ude00"}`, providers.KindText, "olá 😀", ""},
		"text no body":          {`"type":"text","text":7`, providers.KindText, "", ""},
		"image":                 {`"type":"image","image":{"id":"1","caption":"here"}`, providers.KindImage, "here", ""},
		"image without caption": {`"type":"image","image":{"id":"1"}`, providers.KindImage, "", ""},
		"video":                 {`"type":"video","video":{"id":"1","caption":"v"}`, providers.KindVideo, "v", ""},
		"audio":                 {`"type":"audio","audio":{"id":"1","voice":true}`, providers.KindAudio, "", ""},
		"document":              {`"type":"document","document":{"id":"1","filename":"a.pdf","caption":"c"}`, providers.KindDocument, "c", ""},
		"sticker":               {`"type":"sticker","sticker":{"id":"1"}`, providers.KindSticker, "", ""},
		"location":              {`"type":"location","location":{"latitude":1.50,"longitude":-2}`, providers.KindLocation, "", ""},
		"contacts":              {`"type":"contacts","contacts":[{"name":{"formatted_name":"X"}}]`, providers.KindContacts, "", ""},
		"button reply": {
			`"type":"interactive","context":{"from":"15550140001","id":"wamid.Q"},"interactive":{"type":"button_reply","button_reply":{"id":"y","title":"Yes"}}`,
			providers.KindInteractive, "Yes", "wamid.Q",
		},
		"list reply":          {`"type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"y","title":"Row"}}`, providers.KindInteractive, "Row", ""},
		"flow":                {`"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"{\"a\":1}"}}`, providers.KindInteractive, "Sent", ""},
		"unknown interactive": {`"type":"interactive","interactive":{"type":"product","product":{}}`, providers.KindInteractive, "", ""},
		"template button":     {`"type":"button","button":{"payload":"P","text":"Label"},"context":{"id":"wamid.Q"}`, providers.KindButton, "Label", "wamid.Q"},
		"order":               {`"type":"order","order":{"catalog_id":"1","text":"two please","product_items":[]}`, providers.KindOrder, "two please", ""},
		"reaction":            {`"type":"reaction","reaction":{"message_id":"wamid.Q","emoji":"\ud83d\udc4d"}`, providers.KindReaction, "👍", "wamid.Q"},
		"reaction removed":    {`"type":"reaction","reaction":{"message_id":"wamid.Q"}`, providers.KindReactionRemoved, "", "wamid.Q"},
		"reaction with empty emoji": {
			`"type":"reaction","reaction":{"message_id":"wamid.Q","emoji":""}`, providers.KindReactionRemoved, "", "wamid.Q",
		},
		"unsupported": {`"type":"unsupported","unsupported":{"type":"poll_creation"},"errors":[{"code":131051}]`, providers.KindUnsupported, "", ""},
		"edit":        {`"type":"edit","edit":{"original_message_id":"wamid.O","message":{"type":"text","text":{"body":"now so"}}}`, providers.KindEdit, "now so", ""},
		"edit of edit": {
			`"type":"edit","edit":{"message":{"type":"edit","edit":{"message":{"type":"edit"}}}}`, providers.KindEdit, "", "",
		},
		"revoke":              {`"type":"revoke","revoke":{"original_message_id":"wamid.O"}`, providers.KindRevoke, "", ""},
		"group":               {`"type":"text","group_id":"G1","text":{"body":"all"}`, providers.KindGroup, "all", ""},
		"forwarded":           {`"type":"text","text":{"body":"f"},"context":{"forwarded":true}`, providers.KindText, "f", ""},
		"unknown type":        {`"type":"hologram","hologram":{"n":1e5}`, providers.KindUnknown, "", ""},
		"no type":             {`"future":{"n":1}`, providers.KindUnknown, "", ""},
		"escaped type":        {`"\u0074ype":"t\u0065xt","text":{"body":"e"}`, providers.KindText, "e", ""},
		"members given twice": {`"type":"image","type":"text","text":{"body":"first"},"text":{"body":"last"}`, providers.KindText, "last", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			item := `{` + who + test.item + `}`
			e := one(t, body("messages", `{`+meta+`,"contacts":[{"profile":{"name":"Rui"},"wa_id":"5511970000001","user_id":"BR.81a"}],"messages":[`+item+`]}`), Options{})
			if e.Kind != test.kind || e.Text != test.text || e.Quoted != test.quoted {
				t.Errorf("got kind %s, text %q, quoted %q, want %s, %q, %q", e.Kind, e.Text, e.Quoted, test.kind, test.text, test.quoted)
			}
			if e.ID != "wamid.M1" || e.MessageID != "wamid.M1" || !e.At.Equal(time.Unix(1790000001, 0)) {
				t.Errorf("got id %q, message %q, at %v, want wamid.M1 at 1790000001", e.ID, e.MessageID, e.At)
			}
			if e.Number != "420000000000007" || e.Account != "320000000000009" || e.Field != "messages" {
				t.Errorf("got number %q, account %q, field %q, want those of the envelope", e.Number, e.Account, e.Field)
			}
			if want := (providers.Contact{Phone: "5511970000001", UserID: "BR.81a", Name: "Rui"}); e.Contact != want {
				t.Errorf("got contact %+v, want %+v", e.Contact, want)
			}
			if !strings.HasSuffix(string(e.Value), `"messages":[`+item+`]}`) {
				t.Errorf("got value %s, want the item in it byte by byte", e.Value)
			}
		})
	}
}

// Each item becomes an event of its own, whose value has only that item and its contact, with
// everything else of the change.
func TestDecodeNarrows(t *testing.T) {
	t.Parallel()
	b := decode(t, body("messages", `{ `+meta+`, "extra" : 1.10, "contacts":[
		{"wa_id":"5511970000001","user_id":"BR.a","profile":{"name":"A\u00e1"}},
		{"user_id":"BR.b","profile":{"name":"B"}},
		{"wa_id":"5511970000003"}],
		"messages":[
		{"from":"5511970000003","id":"m3","timestamp":"1790000003","type":"text","text":{"body":"3"}},
		{"from_user_id":"BR.b","id":"m2","timestamp":"1790000002","type":"text","text":{"body":"2"}},
		{"from":"5511970000001","id":"m1","timestamp":"1790000001","type":"text","text":{"body":"1 \/"}},
		{"from":"5511970000009","id":"m9","timestamp":"1790000009","type":"text","text":{"body":"9"}}],
		"statuses":[{"id":"out1","status":"sent","timestamp":"1790000004","recipient_id":"5511970000001"}]}`), Options{})
	want := []string{
		`{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550140001","phone_number_id":"420000000000007"},"extra":1.10,"contacts":[{"wa_id":"5511970000003"}],"messages":[{"from":"5511970000003","id":"m3","timestamp":"1790000003","type":"text","text":{"body":"3"}}]}`,
		`{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550140001","phone_number_id":"420000000000007"},"extra":1.10,"contacts":[{"user_id":"BR.b","profile":{"name":"B"}}],"messages":[{"from_user_id":"BR.b","id":"m2","timestamp":"1790000002","type":"text","text":{"body":"2"}}]}`,
		`{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550140001","phone_number_id":"420000000000007"},"extra":1.10,"contacts":[{"wa_id":"5511970000001","user_id":"BR.a","profile":{"name":"A\u00e1"}}],"messages":[{"from":"5511970000001","id":"m1","timestamp":"1790000001","type":"text","text":{"body":"1 \/"}}]}`,
		`{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550140001","phone_number_id":"420000000000007"},"extra":1.10,"messages":[{"from":"5511970000009","id":"m9","timestamp":"1790000009","type":"text","text":{"body":"9"}}]}`,
		`{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550140001","phone_number_id":"420000000000007"},"extra":1.10,"contacts":[{"wa_id":"5511970000001","user_id":"BR.a","profile":{"name":"A\u00e1"}}],"statuses":[{"id":"out1","status":"sent","timestamp":"1790000004","recipient_id":"5511970000001"}]}`,
	}
	if len(b.Events) != len(want) || b.Skipped != 0 {
		t.Fatalf("got %d events, %d skipped, want %d, 0", len(b.Events), b.Skipped, len(want))
	}
	for i, e := range b.Events {
		if got := string(e.Value); got != want[i] {
			t.Errorf("item %d:\n got %s\nwant %s", i, got, want[i])
		}
	}
	for i, c := range []providers.Contact{
		{Phone: "5511970000003"},
		{UserID: "BR.b", Name: "B"},
		{Phone: "5511970000001", UserID: "BR.a", Name: "Aá"},
		{Phone: "5511970000009"},
		{Phone: "5511970000001", UserID: "BR.a", Name: "Aá"},
	} {
		if got := b.Events[i].Contact; got != c {
			t.Errorf("item %d: got contact %+v, want %+v", i, got, c)
		}
	}
}

// The other members of an entry go with each of its items.
func TestDecodeKeepsEntry(t *testing.T) {
	t.Parallel()
	const change = `{"field":"account_update","value":{"event":"X"}}`
	for name, test := range map[string]struct{ entry, want string }{
		"nothing":               {`"id":"1"`, ``},
		"time":                  {`"id":"1","time":1790000000`, `{"time":1790000000}`},
		"unchanged bytes":       {`"new" : {"b":[1.50], "a":"\u00e1"}, "time" : "1790000000"`, `{"new":{"b":[1.50], "a":"\u00e1"},"time":"1790000000"}`},
		"list left out":         {`"standby":[{"sender":"2"}],"time":3`, `{"time":3}`},
		"member given twice":    {`"time":1,"new":null,"time":2`, `{"new":null,"time":2}`},
		"escaped keys":          {`"\u0069d":"1","t\u0069me":5`, `{"t\u0069me":5}`},
		"large member left out": {`"big":"` + strings.Repeat("x", 1<<20) + `","time":7`, `{"time":7}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := `{"object":"whatsapp_business_account","entry":[{` + test.entry + `,"changes":[` + change + `,` + change + `]},{"changes":[` + change + `]}]}`
			b := decode(t, in, Options{})
			if len(b.Events) != 3 {
				t.Fatalf("got %d events, want 3", len(b.Events))
			}
			for i, want := range []string{test.want, test.want, ""} {
				if got := string(b.Events[i].Entry); got != want {
					t.Errorf("event %d: got %.200s, want %s", i, got, want)
				}
			}
			// In Gupshup's dialect the members of an entry are not Meta's, and are left out.
			for _, e := range decode(t, in, dialect).Events {
				if e.Entry != nil {
					t.Errorf("in a dialect: got %.200s, want none", e.Entry)
				}
			}
		})
	}
}

// A bad item never affects its neighbours, wherever it stands in the envelope.
func TestI14BadItemsHarmNoOthers(t *testing.T) {
	t.Parallel()
	const good = `{"from":"5511970000001","id":"g%d","timestamp":"1790000001","type":"text","text":{"body":"x"}}`
	bad := []string{`null`, `7`, `"x"`, `[]`, `{}`, `{"type":5,"id":"q"}`, `{"type":"text"}`, `{"from":{},"id":[]}`}
	var items []string
	for i, b := range bad {
		items = append(items, fmt.Sprintf(good, i), b)
	}
	in := `{"entry":[1,{"id":"1"},{"id":"2","changes":7},{"id":"3","changes":[null,{"field":"messages"},{"value":{}},
		{"field":"messages","value":[1]},{"field":"user_preferences","value":{"user_preferences":[3,{"value":"stop"}]}},
		{"field":"calls","value":{"calls":[3,{"id":"c"}]}},{"field":"history","value":{"history":[3,{"threads":[4,{"messages":[5]}]}]}},
		{"field":"smb_message_echoes","value":{"message_echoes":[3]}},
		{"field":"messages","value":{"statuses":[1,{"id":"s"},{"status":"sent"}],"errors":[1]}},
		{"field":"messages","value":{` + meta + `,"messages":[` + strings.Join(items, ",") + `]}}]}]}`
	b := decode(t, in, Options{})
	if got, want := len(b.Events), len(bad); got != want {
		t.Errorf("got %d events, want %d", got, want)
	}
	for i, e := range b.Events {
		if want := fmt.Sprintf("g%d", i); e.ID != want {
			t.Errorf("event %d: got id %q, want %q", i, e.ID, want)
		}
	}
	if got, want := b.Skipped, 3+4+2+2+3+1+4+len(bad); got != want {
		t.Errorf("got %d skipped, want %d", got, want)
	}
}

// A body that is not one JSON object, or is nested too deeply, is refused with ErrBody. An object
// without entries is one skipped item.
func TestDecodeRefusesBodies(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		``, ` `, `[]`, `null`, `7`, `"x"`, `{`, `{"entry":[}`, `{"entry":[]} x`, `{"entry":[]}{}`, "{\"a\":\"\x01\"}",
		strings.Repeat(`{"a":`, 20000) + `1` + strings.Repeat(`}`, 20000),
		`{"a":` + strings.Repeat(`]`, 20000) + strings.Repeat(`[`, 20000), `{"a":"` + strings.Repeat(`[`, 20000),
	} {
		if b, err := Decode([]byte(in), Options{}); !errors.Is(err, ErrBody) || len(b.Events) > 0 {
			t.Errorf("%.20q: got %v, want ErrBody", in, err)
		}
	}
	if b := decode(t, `{"object":"x"}`, Options{}); b.Skipped != 1 || len(b.Events) > 0 {
		t.Errorf("no entry: got %+v, want one skipped", b)
	}
}

// A time is read as seconds or milliseconds, number or text. One that makes no sense is zero.
func TestDecodeTimes(t *testing.T) {
	t.Parallel()
	want := time.Unix(1790000001, 0).UTC()
	for in, want := range map[string]time.Time{
		`"1790000001"`: want, `1790000001`: want, `"1790000001000"`: want, `1790000001000`: want,
		`1.790000001e9`: want, `1790000001234`: want.Add(234 * time.Millisecond),
		`"soon"`: {}, `-5`: {}, `0`: {}, `""`: {}, `null`: {}, `{}`: {}, `true`: {},
		`999999999999999999999999`: {}, `1e400`: {}, `9223372036854775807`: {}, `"NaN"`: {}, `"Inf"`: {},
	} {
		e := one(t, body("messages", `{`+meta+`,"messages":[{"from":"1","id":"m","type":"text","timestamp":`+in+`}]}`), Options{})
		if !e.At.Equal(want) {
			t.Errorf("%s: got %v, want %v", in, e.At, want)
		}
	}
}

// The events share no memory with the body.
func TestDecodeKeepsNoReference(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		body("messages", `{`+meta+`,"contacts":[{"wa_id":"1","profile":{"name":"N"}}],"messages":[{"from":"1","id":"m","type":"text","text":{"body":"b"},"timestamp":"1790000001"}]}`),
		body("invented", `{"a":[1,2]}`),
		body("account_update", `{"event":"X"}`),
	} {
		raw := []byte(in)
		b, err := Decode(raw, Options{})
		if err != nil {
			t.Fatal(err)
		}
		before := fmt.Sprintf("%+v", b)
		clear(raw)
		if after := fmt.Sprintf("%+v", b); after != before {
			t.Errorf("got events that changed with the body, want them independent:\n%s\n%s", before, after)
		}
	}
}

// The events of a small body stay small, although every item repeats the members around it.
func TestDecodedSizeIsBounded(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 1<<20)
	item := `{"from":"1","id":"m","type":"text","text":{"body":"b"}}`
	in := body("messages", `{"metadata":{"phone_number_id":"4","x":"`+big+`"},"contacts":[{"wa_id":"1","x":"`+big+`"}],"messages":[`+
		strings.Repeat(item+",", 999)+item+`]}`)
	b := decode(t, in, Options{})
	if len(b.Events) != 1000 {
		t.Fatalf("got %d events, want 1000", len(b.Events))
	}
	size := 0
	for _, e := range b.Events {
		size += len(e.Value)
		if e.Number != "4" || e.Contact.Phone != "1" {
			t.Fatalf("got number %q, phone %q, want 4 and 1", e.Number, e.Contact.Phone)
		}
	}
	if size > len(in) {
		t.Errorf("got values of %d bytes, want at most the body's %d", size, len(in))
	}
}

// TestI14ManyTinyItems decodes large bodies that consist of the shortest possible items of each
// sort, with as much around them as may be repeated. Items beyond MaxItems are counted as skipped,
// and the size of what is kept is bounded.
func TestI14ManyTinyItems(t *testing.T) {
	t.Parallel()
	const size = 384 << 10 // enough for more items than MaxItems
	big := strings.Repeat("x", 15<<10)
	fill := func(before, item, after string) string {
		n := (size - len(before) - len(after)) / (len(item) + 1)
		return before + strings.Repeat(item+",", n-1) + item + after
	}
	around := `"metadata":{"phone_number_id":"4","x":"` + big + `"},"contacts":[{"wa_id":"1","x":"` + big + `"}],`
	value := func(field, list string) (before, after string) {
		before, after, _ = strings.Cut(body(field, `{`+around+`"`+list+`":[@]}`), "@")
		return strings.Replace(before, `"id":`, `"time":1790000000,"more":"`+strings.Repeat("y", 1000)+`","id":`, 1), after
	}
	for name, c := range map[string]struct{ field, list, item string }{
		"messages":                {"messages", "messages", `{"id":"a"}`},
		"messages of one contact": {"messages", "messages", `{"from":"1"}`},
		"statuses":                {"messages", "statuses", `{"id":"a","status":"b"}`},
		"errors":                  {"messages", "errors", `{}`},
		"calls":                   {"calls", "calls", `{"id":"a","from":"1"}`},
		"echoes":                  {"smb_message_echoes", "message_echoes", `{"id":"a"}`},
		"preferences":             {"user_preferences", "user_preferences", `{"wa_id":"1"}`},
		"history":                 {"history", "history", `{}`},
		"media of history":        {"history", "messages", `{"id":"a"}`},
		"history, threads":        {"history", "history", `{"metadata":{"x":"` + big + `"},"threads":[{"messages":[{"id":"a"},{"id":"b"},{"id":"c"}]}]}`},
		"items that are none":     {"messages", "messages", `1`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := value(c.field, c.list)
			checkBounded(t, fill(before, c.item, after))
		})
	}
	t.Run("changes", func(t *testing.T) {
		t.Parallel()
		checkBounded(t, fill(`{"entry":[{"x":"`+big+`","changes":[`, `{"field":"f","value":1}`, `]}]}`))
	})
	t.Run("entries", func(t *testing.T) {
		t.Parallel()
		checkBounded(t, fill(`{"entry":[`, `{"changes":[{"field":"f","value":1}]}`, `]}`))
	})
	t.Run("contacts", func(t *testing.T) {
		t.Parallel()
		few := strings.Repeat(`{"wa_id":"1"},`, MaxItems)
		e := one(t, body("messages", `{"messages":[{"from":"9","id":"m"}],"contacts":[`+few+`{"wa_id":"9","profile":{"name":"N"}}]}`), Options{})
		if e.Contact.Name != "" {
			t.Error("got a contact beyond the bound, want it not read")
		}
		checkBounded(t, fill(`{"entry":[{"changes":[{"field":"messages","value":{"messages":[{"from":"9"}],"contacts":[`, `{"wa_id":"1"}`, `]}}]}]}`))
	})
}

// checkBounded checks that a body's events are bounded in number and size, and that the items
// beyond the bound are counted.
func checkBounded(t *testing.T, in string) {
	t.Helper()
	for _, o := range []Options{{}, dialect} {
		b := decode(t, in, o)
		kept := 0
		for _, e := range b.Events {
			kept += len(e.Value) + len(e.Entry)
		}
		if len(b.Events) > MaxItems {
			t.Errorf("got %d events, want %d at most", len(b.Events), MaxItems)
		}
		if b.Skipped == 0 && len(b.Events) >= MaxItems {
			t.Error("got none skipped, want those beyond the bound counted")
		}
		if most := len(in) + maxInAll + len(b.Events)*(4*maxLean); kept > most {
			t.Errorf("got %d bytes kept of %d, want %d at most", kept, len(in), most)
		}
		if n, err := NewNarrower([]byte(in), o); err != nil || n.Items() != len(b.Events) {
			t.Errorf("got %d items to narrow to, %v, want %d", n.Items(), err, len(b.Events))
		} else if len(b.Events) > 0 {
			if cut := n.Narrow([]int{len(b.Events) - 1}); len(cut) > 64<<10 {
				t.Errorf("narrowed to one: got %d bytes, want at most 64 KiB", len(cut))
			}
		}
	}
}

// Invalid UTF-8 in a body is replaced, in the text and in the value.
func TestDecodeRepairsUTF8(t *testing.T) {
	t.Parallel()
	e := one(t, body("messages", `{`+meta+`,"messages":[{"from":"1","id":"m","type":"text","text":{"body":"a`+"\xff\xfe"+`b"}}]}`), Options{})
	if e.Text != "a\uFFFDb" {
		t.Errorf("got %q, want the invalid bytes replaced", e.Text)
	}
	if !json.Valid(e.Value) {
		t.Errorf("got value %q, want valid JSON", e.Value)
	}
}
