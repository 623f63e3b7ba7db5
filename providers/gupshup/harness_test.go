package gupshup

import (
	"context"
	"encoding/json"
	"net/url"
	"reflect"
	"testing"
	"time"

	"wagate/providers"
	"wagate/providers/providertest"
	"wagate/providers/transport"
)

const (
	testKey    = "key-do-not-tell"
	testToken  = "sk_do-not-tell"
	testSource = "15550142288"
	testPhone  = "15550163377"
	testUser   = "BR.90412277310045586"
)

// newFake starts a fake Gupshup with a few templates. change, if not nil, changes its options.
func newFake(t *testing.T, change func(*providertest.GupshupOptions)) *providertest.Gupshup {
	t.Helper()
	opt := providertest.GupshupOptions{
		AppID: testAppID, AppName: testApp, Source: testSource, APIKey: testKey, PartnerToken: testToken,
		Templates: []providertest.GupshupTemplate{
			{ID: "t-pt", Name: "bike_ready", Language: "pt_BR", Category: "UTILITY", Type: "TEXT", Status: "APPROVED", Body: "Olá {{1}}, {{2}}. | [Sim]"},
			{ID: "t-en", Name: "bike_ready", Language: "en-US", Category: "UTILITY", Type: "TEXT", Status: "APPROVED", Body: "Hi {{1}}, {{2}}."},
			{ID: "t-paused", Name: "winter", Language: "pt_BR", Category: "MARKETING", Type: "TEXT", Status: "PAUSED", Body: "Hi"},
			{ID: "t-image", Name: "poster", Language: "pt_BR", Category: "MARKETING", Type: "IMAGE", Status: "APPROVED", Body: "Hi {{1}}"},
			{ID: "t-url", Name: "track", Language: "pt_BR", Category: "UTILITY", Type: "TEXT", Status: "APPROVED", Body: "Hi | [Track,https://x.example/{{1}}]"},
			{ID: "t-named", Name: "named", Language: "pt_BR", Category: "UTILITY", Type: "TEXT", Status: "APPROVED", Body: "Hi {{first_name}}"},
			{
				ID: "t-meta", Name: "meta", Language: "pt_BR", Category: "UTILITY", Type: "TEXT", Status: "APPROVED", Body: "Top {{1}}\nHi {{1}}",
				Meta: `{"header":"Top {{1}}","data":"Hi {{1}}","buttons":[{"type":"QUICK_REPLY","text":"Ok"}]}`,
			},
			{ID: "t-plain", Name: "plain", Language: "pt_BR", Category: "UTILITY", Type: "TEXT", Status: "APPROVED", Body: "Just this"},
		},
	}
	if change != nil {
		change(&opt)
	}
	g, err := providertest.NewGupshup(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// newSender returns a sender for the fake. change, if not nil, changes its params.
func newSender(t *testing.T, g *providertest.Gupshup, change func(*Params)) *Sender {
	t.Helper()
	p := Params{
		Client:  transport.New(transport.Params{Timeout: 5 * time.Minute, ConnectTimeout: 5 * time.Minute}),
		BaseURL: g.URL(), PartnerBaseURL: g.URL() + "/", AppID: testAppID, AppName: testApp,
		Source: testSource, APIKey: testKey, PartnerToken: testToken,
	}
	if change != nil {
		change(&p)
	}
	t.Cleanup(p.Client.Close)
	s, err := NewSender(p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// untilAsked returns a context that ends when the fake has received a request.
func untilAsked(t *testing.T, g *providertest.Gupshup) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for ctx.Err() == nil && len(g.Requests()) == 0 {
			time.Sleep(time.Millisecond)
		}
	}()
	return ctx
}

// message returns a message with this Cloud API body.
func message(t *testing.T, body string) providers.Message {
	t.Helper()
	m := providers.Message{To: providers.Contact{Phone: testPhone}}
	if err := json.Unmarshal([]byte(body), &m.Body); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(m.Body["type"], &m.Type); err != nil {
		t.Fatal(err)
	}
	return m
}

// lastForm returns the form of the last request.
func lastForm(t *testing.T, g *providertest.Gupshup) url.Values {
	t.Helper()
	reqs := g.Requests()
	form, err := url.ParseQuery(string(reqs[len(reqs)-1].Body))
	if err != nil {
		t.Fatal(err)
	}
	return form
}

// sameJSON checks that two JSON documents are equal.
func sameJSON(t *testing.T, what, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%s: got %q, want JSON", what, got)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: the wanted %q is not JSON", what, want)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}
