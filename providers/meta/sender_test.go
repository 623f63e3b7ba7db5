package meta_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wagate/providers"
	"wagate/providers/meta"
	"wagate/providers/providertest"
	"wagate/providers/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	token  = "EAAB-invented"
	number = "410000000000077"
	waba   = "310000000000055"
)

// newSender returns a sender and the fake Graph that it sends to.
func newSender(t *testing.T, p providertest.GraphParams) (*meta.Sender, *providertest.Graph) {
	t.Helper()
	p.Token, p.WABA = token, waba
	p.Numbers = []providertest.GraphNumber{{ID: number, Display: "15550140002"}}
	g, err := providertest.NewGraph(p)
	if err != nil {
		t.Fatal(err)
	}
	c := transport.New(transport.Params{Timeout: 5 * time.Minute, ConnectTimeout: 5 * time.Minute})
	t.Cleanup(func() {
		c.Close()
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return meta.NewSender(meta.Params{
		Client: c, BaseURL: g.URL() + "/", Version: "v26.0", PhoneNumberID: number, AccessToken: token,
	}), g
}

var phone = providers.Contact{Phone: "5511970000021", UserID: "BR.9c2"}

// Send posts the message in the Cloud API's form to the number's path. The sender's own
// members replace the caller's.
func TestSend(t *testing.T) {
	t.Parallel()
	templates := []providertest.GraphTemplate{{Name: "visit", Language: "pt_BR", Body: "Oi {{1}}, até {{2}}"}}
	for name, test := range map[string]struct {
		message providers.Message
		path    string
		body    string
		contact providers.Contact
		status  string
	}{
		"text to a phone": {
			message: providers.NewText(phone, `a <b> & "c" á`),
			body:    `{"messaging_product":"whatsapp","recipient_type":"individual","text":{"body":"a \u003cb\u003e \u0026 \"c\" á"},"to":"+5511970000021","type":"text"}`,
			contact: providers.Contact{Phone: "5511970000021"},
		},
		"text to a user id": {
			message: providers.NewText(providers.Contact{UserID: "BR.9c2"}, "x"),
			body:    `{"messaging_product":"whatsapp","recipient":"BR.9c2","recipient_type":"individual","text":{"body":"x"},"type":"text"}`,
			contact: providers.Contact{UserID: "BR.9c2"},
		},
		"template with opaque data": {
			message: func() providers.Message {
				m := providers.NewTemplate(phone, providers.Template{Name: "visit", Language: "pt_BR", Params: []string{"Rui", "10:30\n h"}})
				m.Opaque = "wg1.3.a77"
				return m
			}(),
			body:    `{"biz_opaque_callback_data":"wg1.3.a77","messaging_product":"whatsapp","recipient_type":"individual","template":{"name":"visit","language":{"code":"pt_BR"},"components":[{"type":"body","parameters":[{"type":"text","text":"Rui"},{"type":"text","text":"10:30 h"}]}]},"to":"+5511970000021","type":"template"}`,
			contact: providers.Contact{Phone: "5511970000021"}, status: "accepted",
		},
		"members pass through, the sender's own do not": {
			message: providers.Message{To: phone, Type: "image", Opaque: "mine", Body: map[string]json.RawMessage{
				"image": json.RawMessage(`{"link":"https:\/\/x.example\/a?b=1&c=2","size":1.50}`), "future": json.RawMessage(`1e2`),
				"to": json.RawMessage(`"+1999"`), "recipient": json.RawMessage(`"US.other"`), "biz_opaque_callback_data": json.RawMessage(`"theirs"`),
			}},
			body:    `{"biz_opaque_callback_data":"mine","future":1e2,"image":{"link":"https:\/\/x.example\/a?b=1&c=2","size":1.50},"messaging_product":"whatsapp","to":"+5511970000021","type":"image"}`,
			contact: providers.Contact{Phone: "5511970000021"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, g := newSender(t, providertest.GraphParams{Templates: templates})
			sent, err := s.Send(t.Context(), test.message)
			if err != nil {
				t.Fatal(err)
			}
			if sent.ID == "" || sent.ID != g.Sends()[0].ID || sent.Contact != test.contact || sent.MessageStatus != test.status {
				t.Errorf("got %+v, want the id %q and %+v", sent, g.Sends()[0].ID, test.contact)
			}
			r := g.Requests()[0]
			if got := string(r.Body); got != test.body {
				t.Errorf("got body\n%s, want\n%s", got, test.body)
			}
			if r.Method != http.MethodPost || r.Path != "/v26.0/"+number+"/messages" || r.Header.Get("Authorization") != "Bearer "+token {
				t.Errorf("got %s %s, want a POST to the number's messages with the token", r.Method, r.Path)
			}
			if opaque := g.Sends()[0].Opaque; opaque != test.message.Opaque {
				t.Errorf("got opaque %q, want %q", opaque, test.message.Opaque)
			}
		})
	}
}

// Each failure becomes the error that its code and status mean. Send makes one call
// only, and the next Send works.
func TestSendFailures(t *testing.T) {
	t.Parallel()
	type fault = providertest.Fault
	for name, test := range map[string]struct {
		fault fault
		want  providers.Error
	}{
		"window closed":       {fault{Code: 131047}, providers.Error{Kind: providers.WindowClosed, Code: 131047, Status: 400}},
		"pair rate":           {fault{Code: 131056, RetryAfter: "9"}, providers.Error{Kind: providers.Throttled, Code: 131056, Status: 400, Retryable: true, RetryAfter: 9 * time.Second}},
		"generic":             {fault{Code: 131000, Status: 500}, providers.Error{Kind: providers.Transient, Code: 131000, Status: 500, MaybeSent: true}},
		"down":                {fault{Code: 2, Status: 503}, providers.Error{Kind: providers.Transient, Code: 2, Status: 503, Retryable: true}},
		"new code, 5xx":       {fault{Code: 999999, Status: 500}, providers.Error{Kind: providers.Transient, Code: 999999, Status: 500, MaybeSent: true}},
		"new code, 4xx":       {fault{Code: 999999}, providers.Error{Kind: providers.Unknown, Code: 999999, Status: 400}},
		"bare 500":            {fault{Status: 500}, providers.Error{Kind: providers.Transient, Status: 500, MaybeSent: true}},
		"bare 502":            {fault{Status: 502, Body: "<html>bad gateway</html>"}, providers.Error{Kind: providers.Transient, Status: 502, MaybeSent: true}},
		"bare 429":            {fault{Status: 429, Body: "slow", RetryAfter: "2"}, providers.Error{Kind: providers.Throttled, Status: 429, Retryable: true, RetryAfter: 2 * time.Second}},
		"bare 401":            {fault{Status: 401, Body: "no"}, providers.Error{Kind: providers.Operator, Status: 401}},
		"bare 404":            {fault{Status: 404, Body: "no"}, providers.Error{Kind: providers.Invalid, Status: 404}},
		"no message id":       {fault{Body: `{"messaging_product":"whatsapp","messages":[]}`}, providers.Error{Kind: providers.Unknown, Status: 200, MaybeSent: true}},
		"empty message id":    {fault{Body: `{"messages":[{"id":""}]}`}, providers.Error{Kind: providers.Unknown, Status: 200, MaybeSent: true}},
		"message id a number": {fault{Body: `{"messages":[{"id":7}]}`}, providers.Error{Kind: providers.Unknown, Status: 200, MaybeSent: true}},
		"not JSON":            {fault{Status: 202, Body: `OK`}, providers.Error{Kind: providers.Unknown, Status: 202, MaybeSent: true}},
		"partial":             {fault{Status: 206, Code: 131201}, providers.Error{Kind: providers.Unknown, Code: 131201, Status: 206, MaybeSent: true}},
		"closed, 200":         {fault{Status: 200, Code: 131047}, providers.Error{Kind: providers.WindowClosed, Code: 131047, Status: 200}},
		"busy, 200":           {fault{Status: 200, Code: 130429}, providers.Error{Kind: providers.Throttled, Code: 130429, Status: 200, Retryable: true}},
		"new code, 200":       {fault{Status: 200, Code: 999999}, providers.Error{Kind: providers.Unknown, Code: 999999, Status: 200, MaybeSent: true}},
		"reset":               {fault{Reset: true, Accept: true}, providers.Error{Kind: providers.Transient, MaybeSent: true}},
	} {
		if test.fault.Status == 500 && test.fault.Code == 0 {
			test.fault.Body = " "
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, g := newSender(t, providertest.GraphParams{})
			g.Script(test.fault)
			_, err := s.Send(t.Context(), providers.NewText(phone, "private words"))
			wantError(t, err, test.want)
			if n := len(g.Requests()); n != 1 {
				t.Errorf("got %d requests, want 1", n)
			}
			if _, err := s.Send(t.Context(), providers.NewText(phone, "x")); err != nil {
				t.Errorf("after the fault: got %v, want it sent", err)
			}
		})
	}
}

// wantError checks the error's decision, and that it has no token, text, phone or user id in it.
func wantError(t *testing.T, err error, want providers.Error) {
	t.Helper()
	e, ok := errors.AsType[*providers.Error](err)
	if !ok {
		t.Fatalf("got %v, want a provider's error", err)
	}
	got := *e
	got.Cause, got.Detail = nil, ""
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	told := fmt.Sprint(err, e.Detail, e.Cause)
	for _, private := range []string{token, "private words", phone.Phone, phone.UserID} {
		if strings.Contains(told, private) {
			t.Errorf("got %q in the error: %s", private, told)
		}
	}
}

// A message that cannot be sent is refused without a call.
func TestSendRefusesWithoutCall(t *testing.T) {
	t.Parallel()
	s, g := newSender(t, providertest.GraphParams{})
	bad := providers.NewText(phone, "private words")
	bad.Body["text"] = json.RawMessage(`{"body":"private words`)
	long := providers.NewText(phone, "private words")
	long.Opaque = strings.Repeat("x", 513)
	for name, m := range map[string]providers.Message{
		"nobody": providers.NewText(providers.Contact{Name: "Rui"}, "x"), "broken body": bad, "opaque too long": long,
	} {
		_, err := s.Send(t.Context(), m)
		e, ok := errors.AsType[*providers.Error](err)
		if !ok || e.Kind != providers.Invalid || e.Retryable || e.MaybeSent || strings.Contains(fmt.Sprint(e, e.Cause, e.Detail), "private") {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
	if n := len(g.Requests()); n != 0 {
		t.Errorf("got %d requests, want 0", n)
	}
}

// A cancelled Send may have sent the message, and its error has the cause.
func TestSendCancelled(t *testing.T) {
	t.Parallel()
	s, g := newSender(t, providertest.GraphParams{})
	release := make(chan struct{})
	g.Script(providertest.Fault{Hang: true, Release: release, Accept: true})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = g.WaitSends(t.Context(), 1)
		cancel()
	}()
	_, err := s.Send(ctx, providers.NewText(phone, "x"))
	close(release)
	wantError(t, err, providers.Error{Kind: providers.Transient, MaybeSent: true})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it to match context.Canceled", err)
	}
}

// Do posts a body unchanged and returns the answer, or the error in it.
func TestDo(t *testing.T) {
	t.Parallel()
	s, g := newSender(t, providertest.GraphParams{})
	const body = `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.X","typing_indicator":{"type":"text"}}`
	answer, err := s.Do(t.Context(), json.RawMessage(body))
	if err != nil || strings.TrimSpace(string(answer)) != `{"success":true}` {
		t.Errorf("got %s, %v, want success", answer, err)
	}
	if got := string(g.Requests()[0].Body); got != body {
		t.Errorf("got %s, want %s", got, body)
	}
	_, err = s.Do(t.Context(), json.RawMessage(`{"messaging_product":"whatsapp","status":"read","message_id":"x"}`))
	wantError(t, err, providers.Error{Kind: providers.Invalid, Code: 131009, Status: 400})
}

// TestErrorInSuccess checks that an error in a successful answer counts, unless
// the answer has a message id.
func TestErrorInSuccess(t *testing.T) {
	t.Parallel()
	const limit = `{"error":{"message":"(#80007) Rate limit","code":80007}`
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
	defer server.Close()
	c := transport.New(transport.Params{})
	defer c.Close()
	s := meta.NewSender(meta.Params{Client: c, BaseURL: server.URL, PhoneNumberID: number, AccessToken: token})

	body = limit + `}`
	want := providers.Error{Kind: providers.Throttled, Code: 80007, Status: 200, Retryable: true, RetryAfter: time.Minute}
	list, err := s.Templates(t.Context(), waba)
	wantError(t, err, want)
	if list != nil {
		t.Errorf("got %d templates, want no list", len(list))
	}
	_, err = s.Do(t.Context(), json.RawMessage(`{}`))
	wantError(t, err, want)

	body = limit + `,"messages":[{"id":"wamid.OUT1"}]}`
	if sent, err := s.Send(t.Context(), providers.NewText(phone, "x")); err != nil || sent.ID != "wamid.OUT1" {
		t.Errorf("got %+v, %v, want what was sent", sent, err)
	}
}
