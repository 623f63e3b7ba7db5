package providertest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wagate/providers/providertest"
)

// A callback that is not answered 2xx is posted again, before the next one. After three
// tries in vain it is dropped.
func TestGupshupPostsAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Callback-Token") != "tok" {
			t.Errorf("got token %q, want the channel's", r.Header.Get("X-Callback-Token"))
		}
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	g := newGupshup(t, providertest.GupshupOptions{AppName: "A", CallbackToken: "tok", RetryEvery: time.Millisecond, Client: &http.Client{}})
	g.ConnectivityCheck() // no URL yet
	g.SetCallbackURL(server.URL)
	g.ConnectivityCheck()
	if err := g.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := g.Answers()
	if len(got) != 2 || got[0].Status != http.StatusServiceUnavailable || got[1].Status != http.StatusOK {
		t.Errorf("got %+v, want 503, then 200", got)
	}
	server.Close()
	g.SandboxStart()
	if err := g.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := g.Answers(); len(got) != 5 || got[4].Status != 0 {
		t.Errorf("got %d answers, want three more without status", len(got))
	}
}

// A v3 message is addressed to a number with a plus sign, as in Meta's API.
func TestGupshupV3RequiresPlusSign(t *testing.T) {
	t.Parallel()
	g := newGupshup(t, providertest.GupshupOptions{AppID: "app-1", PartnerToken: "tok"})
	for to, want := range map[string]int{"15550163377": http.StatusBadRequest, "+15550163377": http.StatusOK} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL()+"/partner/app/app-1/v3/message",
			strings.NewReader(`{"messaging_product":"whatsapp","to":"`+to+`","type":"text","text":{"body":"hi"}}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "tok")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("to %s: got %d, want %d", to, resp.StatusCode, want)
		}
	}
	if sends := g.Sends(); len(sends) != 1 || sends[0].To != "15550163377" {
		t.Errorf("got %+v, want one, to the number without its plus sign", sends)
	}
}

// Close ends a callback that hangs, and WaitIdle ends with its context.
func TestGupshupCloseEndsEverything(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	g := newGupshup(t, providertest.GupshupOptions{AppName: "A", CallbackURL: server.URL})
	g.ConnectivityCheck()
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if err := g.WaitIdle(ctx); !errors.Is(err, stop) {
		t.Errorf("got %v, want the cause of the cancelled wait", err)
	}
	if err := g.Close(); err != nil {
		t.Errorf("got %v, want it closed", err)
	}
}

// WaitSends returns when the message was accepted, and fails when the fake is closed before.
func TestGupshupWaitSends(t *testing.T) {
	t.Parallel()
	g := newGupshup(t, providertest.GupshupOptions{AppName: "A", Source: "15550100001", APIKey: "key"})
	type waited struct {
		sends []providertest.GupshupSend
		err   error
	}
	done := make(chan waited, 1)
	wait := func(n int) {
		sends, err := g.WaitSends(t.Context(), n)
		done <- waited{sends, err}
	}
	go wait(1)
	form := url.Values{
		"channel": {"whatsapp"}, "source": {"15550100001"}, "src.name": {"A"}, "destination": {"12025550101"},
		"message": {`{"type":"text","text":"Hello"}`},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL()+"/wa/api/v1/msg", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("apikey", "key")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if got := <-done; got.err != nil || len(got.sends) != 1 || got.sends[0].To != "12025550101" {
		t.Errorf("got %+v, want the message that was accepted", got)
	}
	go wait(2)
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if got := <-done; got.err == nil || len(got.sends) != 1 {
		t.Errorf("got %+v, want an error: the fake was closed", got)
	}
}

// A failure at WhatsApp is reported with WhatsApp's id and Gupshup's beside it. A failure at
// Gupshup is reported with Gupshup's id alone, and without having been enqueued. A report names the
// recipient as the message did.
func TestGupshupReports(t *testing.T) {
	t.Parallel()
	var bodies []string // callbacks come one after another
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies = append(bodies, string(body))
	}))
	t.Cleanup(server.Close)
	for name, c := range map[string]struct {
		version int
		send    providertest.GupshupSend
		want    []string // for each report in turn, what it contains
		lacks   string
	}{
		"v2, at WhatsApp": {2, providertest.GupshupSend{ID: "gs", WAMID: "wa", To: "15550100001", Code: 131047}, []string{`"id":"gs"`, `"gsId":"gs","id":"wa"`}, "userId"},
		"v2, at Gupshup":  {2, providertest.GupshupSend{ID: "gs", WAMID: "wa", To: "15550100001", Code: 1008}, []string{`"destination":"15550100001","id":"gs","payload":{"code":1008`}, "gsId"},
		"v2, on-premises": {2, providertest.GupshupSend{ID: "gs", WAMID: "wa", To: "US.1", Code: 470}, []string{`"whatsappMessageId":"wa"`, `"userId":"US.1"`}, "destination"},
		"v3, at WhatsApp": {3, providertest.GupshupSend{ID: "gs", WAMID: "wa", To: "US.1", Code: 131047}, []string{`"enqueued"`, `"meta_msg_id":"wa","recipient_user_id":"US.1"`}, "recipient_id"},
		"v3, at Gupshup":  {3, providertest.GupshupSend{ID: "gs", WAMID: "wa", To: "15550100001", Code: 4003}, []string{`"gs_id":"gs","id":"id-gs","recipient_id":"15550100001"`}, "meta_msg_id"},
		"v3, delivered":   {3, providertest.GupshupSend{ID: "gs", WAMID: "wa", To: "15550100001"}, []string{`"enqueued"`, `"sent"`, `"delivered"`}, "errors"},
	} {
		bodies = nil
		g := newGupshup(t, providertest.GupshupOptions{AppName: "A", AppID: "a", CallbackURL: server.URL, Versions: []int{c.version}})
		g.ReportAll(c.send)
		if err := g.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(bodies) != len(c.want) {
			t.Fatalf("%s: got reports %q, want %d", name, bodies, len(c.want))
		}
		for i, want := range c.want {
			if !strings.Contains(bodies[i], want) || strings.Contains(bodies[i], c.lacks) {
				t.Errorf("%s: got %s, want it to have %s, and no %s", name, bodies[i], want, c.lacks)
			}
		}
	}
}
