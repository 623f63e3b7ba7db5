package gupshup

import (
	"encoding/json"
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"wagate/providers"
	"wagate/providers/providertest"
)

// A free-form message of each type is sent in the form that Gupshup's v2 wants.
func TestSendFreeForm(t *testing.T) {
	t.Parallel()
	g := newFake(t, nil)
	s := newSender(t, g, nil)
	for _, c := range []struct{ name, in, want, flag string }{
		{"text", `{"type":"text","text":{"body":"Olá & <tudo> bem?"}}`, `{"type":"text","text":"Olá & <tudo> bem?"}`, "disablePreview"},
		{"text with preview", `{"type":"text","text":{"body":"a","preview_url":true}}`, `{"type":"text","text":"a"}`, ""},
		{
			"text with a quote", `{"type":"text","text":{"body":"a","preview_url":true},"context":{"message_id":"wamid.IN1"}}`,
			`{"type":"text","text":"a","context":{"msgId":"wamid.IN1"}}`, "",
		},
		{
			"image", `{"type":"image","image":{"link":"https://f.example/1.png","caption":"c"}}`,
			`{"type":"image","originalUrl":"https://f.example/1.png","previewUrl":"https://f.example/1.png","caption":"c"}`, "",
		},
		{"image by id", `{"type":"image","image":{"id":"m1"}}`, `{"type":"image","id":"m1"}`, ""},
		{
			"video", `{"type":"video","video":{"link":"https://f.example/1.mp4","caption":"c"}}`,
			`{"type":"video","url":"https://f.example/1.mp4","caption":"c"}`, "",
		},
		{
			"audio", `{"type":"audio","audio":{"link":"https://f.example/1.ogg","voice":true}}`,
			`{"type":"audio","url":"https://f.example/1.ogg"}`, "",
		},
		{
			"document", `{"type":"document","document":{"link":"https://f.example/1.pdf","filename":"o.pdf","caption":"c"}}`,
			`{"type":"file","url":"https://f.example/1.pdf","filename":"o.pdf","caption":"c"}`, "",
		},
		{
			"sticker", `{"type":"sticker","sticker":{"link":"https://f.example/1.webp"}}`,
			`{"type":"sticker","url":"https://f.example/1.webp"}`, "",
		},
		{
			"location", `{"type":"location","location":{"latitude":41.1,"longitude":"-8.6","name":"N","address":"A"}}`,
			`{"type":"location","latitude":41.1,"longitude":-8.6,"name":"N","address":"A"}`, "",
		},
		{
			"contacts", `{"type":"contacts","contacts":[{"name":{"formatted_name":"Rui","first_name":"Rui"},"phones":[{"phone":"+351","wa_id":"351"}]}]}`,
			`{"type":"contact","contact":{"name":{"formattedName":"Rui","firstName":"Rui"},"phones":[{"phone":"+351","wa_id":"351"}]}}`, "",
		},
		{
			"reaction", `{"type":"reaction","reaction":{"message_id":"wamid.IN1","emoji":"👍"}}`,
			`{"type":"reaction","msgId":"wamid.IN1","emoji":"👍"}`, "",
		},
		{
			"buttons", `{"type":"interactive","interactive":{"type":"button","header":{"type":"text","text":"H"},"body":{"text":"B"},"footer":{"text":"F"},
			"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Yes"}},{"type":"reply","reply":{"id":"n","title":"No"}}]}}}`,
			`{"type":"quick_reply","msgid":"wagate","content":{"type":"text","header":"H","text":"B","caption":"F"},
			"options":[{"type":"text","title":"Yes","postbackText":"y"},{"type":"text","title":"No","postbackText":"n"}]}`, "",
		},
		{
			"buttons under a document", `{"type":"interactive","interactive":{"type":"button","header":{"type":"document","document":{"link":"https://f.example/1.pdf","filename":"o.pdf"}},
			"body":{"text":"B"},"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Yes"}}]}}}`,
			`{"type":"quick_reply","msgid":"wagate","content":{"type":"file","url":"https://f.example/1.pdf","filename":"o.pdf","text":"B"},
			"options":[{"type":"text","title":"Yes","postbackText":"y"}]}`, "",
		},
		{
			"list", `{"type":"interactive","interactive":{"type":"list","header":{"type":"text","text":"H"},"body":{"text":"B"},"footer":{"text":"F"},
			"action":{"button":"Open","sections":[{"title":"S","rows":[{"id":"r1","title":"R1","description":"D"},{"id":"r2","title":"R2"}]}]}}}`,
			`{"type":"list","title":"H","body":"B","footer":"F","msgid":"wagate","globalButtons":[{"type":"text","title":"Open"}],
			"items":[{"title":"S","subtitle":"S","options":[{"type":"text","title":"R1","description":"D","postbackText":"r1"},{"type":"text","title":"R2","postbackText":"r2"}]}]}`, "",
		},
		{
			"list with escaped emoji", `{"type":"interactive","interactive":{"type":"list","body":{"text":"B"},
			"action":{"button":"Open","sections":[{"title":"S","rows":[{"id":"r1","title":"\ud83d\udeb2"}]}]}}}`,
			`{"type":"list","title":"","body":"B","msgid":"wagate","globalButtons":[{"type":"text","title":"Open"}],
			"items":[{"title":"S","subtitle":"S","options":[{"type":"text","title":"🚲","postbackText":"r1"}]}]}`, "encode",
		},
	} {
		sent, err := s.Send(t.Context(), message(t, c.in))
		if err != nil || sent.ID == "" {
			t.Errorf("%s: got %+v, %v, want it sent", c.name, sent, err)
			continue
		}
		form := lastForm(t, g)
		sameJSON(t, c.name, form.Get("message"), c.want)
		want := url.Values{
			"channel": {"whatsapp"}, "source": {testSource}, "destination": {testPhone},
			"src.name": {testApp}, "message": form["message"],
		}
		if c.flag != "" {
			want.Set(c.flag, "true")
		}
		if !reflect.DeepEqual(form, want) {
			t.Errorf("%s: got form %v, want %v", c.name, form, want)
		}
	}
	sends := g.Sends()
	if got := g.Requests()[0].Header.Get("apikey"); got != testKey {
		t.Errorf("got apikey %q, want the channel's key", got)
	}
	if sends[0].ID == "" || len(sends) != len(g.Requests()) {
		t.Errorf("got %d sends for %d requests, want one each with an id", len(sends), len(g.Requests()))
	}
}

// What v2 has no form for is refused before anything is sent.
func TestSendRefusesWhatV2Lacks(t *testing.T) {
	t.Parallel()
	g := newFake(t, nil)
	s := newSender(t, g, nil)
	for _, c := range []struct {
		name, in string
		code     int
	}{
		{"an unknown type", `{"type":"hologram","hologram":{}}`, 131051},
		{"a flow", `{"type":"interactive","interactive":{"type":"flow","body":{"text":"b"}}}`, 131051},
		{"a location request", `{"type":"interactive","interactive":{"type":"location_request_message"}}`, 131051},
		{"a link button", `{"type":"interactive","interactive":{"type":"cta_url"}}`, 131051},
		{"two contacts", `{"type":"contacts","contacts":[{},{}]}`, 131051},
		{"no text", `{"type":"text"}`, 131008},
		{"an empty text", `{"type":"text","text":{"body":""}}`, 131008},
		{"a wrong type", `{"type":"text","text":{"body":7}}`, 100},
		{"no media", `{"type":"image","image":{}}`, 131008},
		{"no coordinates", `{"type":"location","location":{"latitude":"north","longitude":1}}`, 131008},
		{"no buttons", `{"type":"interactive","interactive":{"type":"button","body":{"text":"b"},"action":{}}}`, 100},
		{"a media header by id", `{"type":"interactive","interactive":{"type":"button","header":{"type":"image","image":{"id":"1"}},"body":{"text":"b"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"A"}}]}}}`, 131051},
		{"reaction without a message", `{"type":"reaction","reaction":{"emoji":"👍"}}`, 131008},
	} {
		sent, err := s.Send(t.Context(), message(t, c.in))
		e := providers.AsError(err)
		if err == nil || sent.ID != "" || e.Kind != providers.Invalid || e.Code != c.code || e.Detail == "" || e.MaybeSent || e.Retryable {
			t.Errorf("%s: got %+v, %+v, want invalid with code %d and a detail", c.name, sent, e, c.code)
		}
	}
	m := message(t, `{"type":"text","text":{"body":"a"}}`)
	m.To = providers.Contact{Name: "nobody"}
	if _, err := s.Send(t.Context(), m); providers.AsError(err).Code != 131008 {
		t.Errorf("no recipient: got %v, want it refused", err)
	}
	if n := len(g.Requests()); n != 0 {
		t.Errorf("got %d requests, want none", n)
	}
}

// A contact without a phone is addressed by its user id in both versions.
func TestSendToUserID(t *testing.T) {
	t.Parallel()
	g := newFake(t, nil)
	m := providers.NewText(providers.Contact{UserID: testUser}, "hi")
	if _, err := newSender(t, g, nil).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := lastForm(t, g).Get("destination"); got != testUser {
		t.Errorf("v2: got destination %q, want %q", got, testUser)
	}
	if _, err := newSender(t, g, func(p *Params) { p.V3 = true }).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	reqs := g.Requests()
	sameJSON(t, "v3", string(reqs[1].Body), `{"messaging_product":"whatsapp","recipient_type":"individual",
		"recipient":"`+testUser+`","type":"text","text":{"body":"hi"}}`)
}

// In v3 the message is Meta's, posted with the partner token. The sender's own members replace the
// caller's, and the caller's message is not changed.
func TestSendV3(t *testing.T) {
	t.Parallel()
	g := newFake(t, nil)
	s := newSender(t, g, func(p *Params) { p.V3 = true; p.APIKey, p.AppName, p.Source = "", "", "" })
	m := providers.NewTemplate(providers.Contact{Phone: testPhone, UserID: testUser},
		providers.Template{Name: "bike_ready", Language: "pt_BR", Params: []string{"Ana", "now"}})
	m.Opaque = "wg1.7.a1"
	m.Body["recipient"] = json.RawMessage(`"somebody else"`)
	sent, err := s.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	req := g.Requests()[0]
	if req.Path != "/partner/app/"+testAppID+"/v3/message" || req.Header.Get("Authorization") != testToken {
		t.Errorf("got path %s with token %q, want the app's path and the partner token", req.Path, req.Header.Get("Authorization"))
	}
	sameJSON(t, "body", string(req.Body), `{"messaging_product":"whatsapp","recipient_type":"individual","to":"+`+testPhone+`",
		"type":"template","biz_opaque_callback_data":"wg1.7.a1","template":{"name":"bike_ready","language":{"code":"pt_BR"},
		"components":[{"type":"body","parameters":[{"type":"text","text":"Ana"},{"type":"text","text":"now"}]}]}}`)
	if want := g.Sends()[0].ID; sent.ID != want || sent.Contact.Phone != testPhone {
		t.Errorf("got %+v, want id %s", sent, want)
	}
	if m.Body["recipient"] == nil || m.Body["to"] != nil {
		t.Error("got the caller's message changed, want it unchanged")
	}
}

// If nobody knows whether a call sent the message, the error says maybe sent and is not retryable;
// if nothing was sent, the reverse (I6).
func TestI6UnknownResults(t *testing.T) {
	t.Parallel()
	text := providers.NewText(providers.Contact{Phone: testPhone}, "hi")
	for _, c := range []struct {
		name  string
		fault providertest.Fault
	}{
		{"hangs before accepting", providertest.Fault{Hang: true}},
		{"hangs after accepting", providertest.Fault{Hang: true, Accept: true}},
		{"resets after accepting", providertest.Fault{Reset: true, Accept: true}},
		{"502 after accepting", providertest.Fault{Status: 502, Body: "<html>", Accept: true}},
		{"200 without an id", providertest.Fault{Status: 200, Body: `{"status":"submitted"}`, Accept: true}},
		{"200 that is not JSON", providertest.Fault{Status: 200, Body: `ok`, Accept: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, v3 := range []bool{false, true} {
				g := newFake(t, nil)
				g.Script(c.fault)
				ctx := t.Context()
				if c.fault.Hang {
					ctx = untilAsked(t, g)
				}
				_, err := newSender(t, g, func(p *Params) { p.V3 = v3 }).Send(ctx, text)
				if e := providers.AsError(err); err == nil || !e.MaybeSent || e.Retryable {
					t.Errorf("v3 %v: got %+v, want maybe sent and not retryable", v3, e)
				}
			}
		})
	}
	g := newFake(t, nil)
	s := newSender(t, g, func(p *Params) { p.BaseURL = "http://127.0.0.1:1" }) // a port where nothing listens
	_, err := s.Send(t.Context(), text)
	if e := providers.AsError(err); err == nil || e.MaybeSent || !e.Retryable {
		t.Errorf("nothing listens: got %+v, want retryable and not sent", e)
	}
}

// Each answer becomes the error that its status and body mean, in both versions, without phones.
func TestAnswers(t *testing.T) {
	t.Parallel()
	text := providers.NewText(providers.Contact{Phone: testPhone}, "hi")
	for _, c := range []struct {
		name  string
		fault providertest.Fault
		want  providers.Error
	}{
		{"429", providertest.GupshupThrottled(), providers.Error{Kind: providers.Throttled, Status: 429, Retryable: true, Detail: "Too Many Requests"}},
		{"429 with a pause", providertest.Fault{Status: 429, RetryAfter: "7"}, providers.Error{Kind: providers.Throttled, Status: 429, Retryable: true, RetryAfter: 7 * time.Second}},
		{"401", providertest.GupshupUnauthorised(), providers.Error{Kind: providers.Operator, Status: 401, Detail: "Authentication Failed"}},
		{"403", providertest.Fault{Status: 403}, providers.Error{Kind: providers.Operator, Status: 403}},
		{"404", providertest.Fault{Status: 404}, providers.Error{Kind: providers.Operator, Status: 404}},
		{"redirect", providertest.Fault{Status: 302}, providers.Error{Kind: providers.Operator, Status: 302}},
		{"bad app", providertest.GupshupBadApp(), providers.Error{Kind: providers.Operator, Status: 400, Detail: "Invalid App Details"}},
		{"bad number", providertest.GupshupBadNumber(), providers.Error{Kind: providers.Invalid, Status: 400, Detail: "Invalid Destination"}},
		{"error with a success status", providertest.Fault{Status: 200, Body: `{"status":"error","message":"Invalid Destination"}`}, providers.Error{Kind: providers.Invalid, Status: 200, Detail: "Invalid Destination"}},
		{"Meta's window", providertest.Fault{Status: 400, Body: `{"error":{"message":"(#131047) Re-engagement message","code":131047,"error_data":{"details":"More than 24 hours"}}}`}, providers.Error{Kind: providers.WindowClosed, Code: 131047, Status: 400, Detail: "More than 24 hours"}},
		{"Meta's throttle", providertest.Fault{Status: 400, Body: `{"error":{"message":"Rate limit hit","code":130429}}`}, providers.Error{Kind: providers.Throttled, Code: 130429, Status: 400, Retryable: true, Detail: "Rate limit hit"}},
		{"code in message", providertest.Fault{Status: 400, Body: `{"status":"error","message":{"code":1003,"reason":"Balance low"}}`}, providers.Error{Kind: providers.Operator, Code: 1003, Status: 400, Detail: "Balance low"}},
		{"a phone in the message", providertest.Fault{Status: 400, Body: `{"status":"error","message":"Invalid number +` + testPhone + `"}`}, providers.Error{Kind: providers.Invalid, Status: 400, Detail: "Invalid number …"}},
	} {
		for _, v3 := range []bool{false, true} {
			g := newFake(t, nil)
			g.Script(c.fault)
			_, err := newSender(t, g, func(p *Params) { p.V3 = v3 }).Send(t.Context(), text)
			if e := providers.AsError(err); err == nil || *e != c.want {
				t.Errorf("%s, v3 %v: got %+v, want %+v", c.name, v3, *e, c.want)
			}
		}
	}
}

// An error has no key, phone, text or address in it, because strangers may see it (I11).
func TestI11ErrorsAreQuiet(t *testing.T) {
	t.Parallel()
	for _, fault := range []providertest.Fault{
		{Status: 400, Body: `{"status":"error","message":"no ` + testPhone + ` at https://x.example/?apikey=` + testKey + `"}`},
		{Reset: true},
		{Hang: true},
	} {
		g := newFake(t, nil)
		g.Script(fault)
		ctx := t.Context()
		if fault.Hang {
			ctx = untilAsked(t, g)
		}
		_, err := newSender(t, g, nil).Send(ctx, providers.NewText(providers.Contact{Phone: testPhone}, "a secret text"))
		e := providers.AsError(err)
		said := err.Error() + e.Detail
		if e.Cause != nil {
			said += e.Cause.Error()
		}
		for _, secret := range []string{testPhone, testKey, "secret text", "127.0.0.1", "apikey"} {
			if strings.Contains(said, secret) {
				t.Errorf("got %q, want no %q in it", said, secret)
			}
		}
	}
}

// NewSender names every parameter that is missing.
func TestNewSenderNamesMissingParams(t *testing.T) {
	t.Parallel()
	_, err := NewSender(Params{})
	for _, want := range []string{"client", "app id", "base url", "app name", "source", "api key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name the %s", err, want)
		}
	}
	if _, err := NewSender(Params{V3: true}); err == nil || !strings.Contains(err.Error(), "partner token") {
		t.Errorf("v3: got %v, want it to name the partner token", err)
	}
	if errors.Is(err, ErrShape) {
		t.Error("got ErrShape for a sender")
	}
}
