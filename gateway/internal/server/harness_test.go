package server_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/server"
	"wagate/gateway/internal/webhook"
)

const (
	acme, other = backendtest.Acme, backendtest.Other
	sales       = backendtest.Sales
	front       = backendtest.Front
	crmSecret   = backendtest.Secret

	// second is another channel of acme.
	second followup.ChannelID = "a0000000-0000-4000-8000-0000000000c2"

	quoted = "11111111-1111-4111-8111-111111111111"

	acmeKey  = "key-of-acme"
	otherKey = "key-of-other"
)

// harness has the public and the admin listener on a memory store.
type harness struct {
	*backendtest.House
	t        *testing.T
	public   *fiber.App
	admin    *fiber.App
	store    *flakyStore
	webhooks *fakeWebhooks
	messages *fakeMessages
	replayed int // how often Replayed was called
	log      *strings.Builder
	shut     func() // called when the server closes a pipe for writing; may be nil
}

// settings are the parameters that tests vary.
type settings struct {
	rate     int
	tokens   []string
	checks   []server.Check
	timeouts server.Timeouts // five hours for each that is not set
	bodies   int             // the budget of large bodies
	trusted  []netip.Prefix
}

// newHarness returns a harness with two tenants, acme and other.
func newHarness(t *testing.T, set settings) *harness {
	t.Helper()
	h := &harness{
		t: t, store: &flakyStore{Store: memstore.New()}, webhooks: &fakeWebhooks{}, messages: &fakeMessages{}, log: &strings.Builder{},
	}
	h.House = backendtest.New(t, backendtest.Params{
		Store: h.store, Channels: []followup.Channel{{ID: second, Tenant: acme, Assistant: sales}},
	})
	for _, d := range []*time.Duration{
		&set.timeouts.Header, &set.timeouts.Body, &set.timeouts.Webhook, &set.timeouts.Backend, &set.timeouts.Messages,
	} {
		*d = cmp.Or(*d, 5*time.Hour)
	}
	log := slog.New(slog.NewTextHandler(h.log, nil))
	h.public = server.Public(server.PublicParams{
		Webhooks: h.webhooks, CRM: h.Leads, Messages: h.messages, Leads: h.Leads, Configs: h.Runs, Runs: h.Runs,
		Keys: server.NewKeyRing(map[server.Digest]followup.TenantID{
			server.DigestOf(acmeKey): acme, server.DigestOf(otherKey): other,
		}),
		Directory:     h.Directory,
		RatePerMinute: set.rate, BodyBudget: set.bodies, TrustedProxies: set.trusted, Timeouts: set.timeouts,
		Real: h.Now, Registry: h.Registry, Logger: log,
	})
	h.admin = server.Admin(server.AdminParams{
		Tokens: set.tokens, Gatherer: h.Registry, Checks: set.checks, Operator: h.store, Runs: h.Runs,
		Directory: h.Directory, Replayed: func() { h.replayed++ }, Real: h.Now, Logger: log,
	})
	return h
}

// request is one request to a listener.
type request struct {
	method, path, key, body string
	host                    string // default localhost
	header                  map[string]string
}

// response is what a request was answered with.
type response struct {
	status int
	body   string
	header http.Header
}

// do sends a request to a listener's app over a pipe and returns the answer.
func do(t *testing.T, app *fiber.App, r request) response {
	t.Helper()
	req := httptest.NewRequest(r.method, r.path, strings.NewReader(r.body))
	req.Host = cmp.Or(r.host, "localhost")
	if r.key != "" {
		req.Header.Set("Authorization", "Bearer "+r.key)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	// app.Test would hide the answer to a request that the server refuses to read.
	_ = app.Handler() // builds the routes
	client, conn := net.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() { _ = app.Server().ServeConn(conn) })
	wg.Go(func() { _ = req.Write(client) }) // fails once the server stops reading
	defer wg.Wait()
	defer func() { _ = client.Close() }()
	res, err := http.ReadResponse(bufio.NewReader(client), req)
	if err != nil {
		t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	return response{res.StatusCode, string(b), res.Header}
}

// call sends a request with acme's key to the public listener.
func (h *harness) call(method, path, body string) response {
	h.t.Helper()
	return do(h.t, h.public, request{method: method, path: path, key: acmeKey, body: body})
}

// want checks status and body of an answer.
func (h *harness) want(r response, status int, body string) {
	h.t.Helper()
	if r.status != status || r.body != body {
		h.t.Errorf("got  %d %s\nwant %d %s", r.status, r.body, status, body)
	}
}

// flakyStore is a store that can be away, and that can have one unreadable dead letter.
type flakyStore struct {
	*memstore.Store
	gone bool
	// listed is called when dead letters have been listed. It may be nil.
	listed func([]followup.DeadLetter)
	torn   string               // the id of the dead letter that cannot be read
	shown  *followup.DeadLetter // is found in place of any other; may be nil
}

var errGone = errors.New("dial tcp: connection refused")

func (b *flakyStore) Lead(ctx context.Context, t followup.TenantID, id followup.LeadID) (followup.Lead, error) {
	if b.gone {
		return followup.Lead{}, errGone
	}
	return b.Store.Lead(ctx, t, id)
}

func (b *flakyStore) Resolve(ctx context.Context, t followup.TenantID, who followup.Identity, create bool, now time.Time) (followup.LeadID, error) {
	if b.gone {
		return "", errGone
	}
	return b.Store.Resolve(ctx, t, who, create, now)
}

func (b *flakyStore) WalkDead(ctx context.Context, t followup.TenantID, visit func(followup.DeadLetter) error) error {
	if b.gone {
		return errGone
	}
	var all []followup.DeadLetter
	if err := b.Store.WalkDead(ctx, t, func(l followup.DeadLetter) error { all = append(all, l); return nil }); err != nil {
		return err
	}
	if b.listed != nil {
		b.listed(all)
	}
	for _, l := range all {
		if err := visit(l); err != nil {
			return err
		}
	}
	return nil
}

func (b *flakyStore) DeadLetter(ctx context.Context, id string) (followup.DeadLetter, error) {
	if id == b.torn {
		return followup.DeadLetter{}, followup.ErrUnreadable
	}
	if b.shown != nil {
		return *b.shown, nil
	}
	return b.Store.DeadLetter(ctx, id)
}

func (b *flakyStore) ReplayDead(ctx context.Context, id string, real time.Time) error {
	if id == b.torn {
		return followup.ErrUnreadable
	}
	return b.Store.ReplayDead(ctx, id, real)
}

func (b *flakyStore) DeadLetters(ctx context.Context, t followup.TenantID, limit, offset int) ([]followup.DeadLetter, int, error) {
	if b.gone {
		return nil, 0, errGone
	}
	letters, total, err := b.Store.DeadLetters(ctx, t, limit, offset)
	if b.listed != nil {
		b.listed(letters)
	}
	return letters, total, err
}

func (b *flakyStore) Pauses(ctx context.Context, t followup.TenantID) ([]followup.ChannelID, error) {
	if b.gone {
		return nil, errGone
	}
	return b.Store.Pauses(ctx, t)
}

// fakeWebhooks knows one app and three channels, and records what it was given.
type fakeWebhooks struct {
	mu     sync.Mutex
	bodies [][]byte
	agents []string // the User-Agents that came with them
	err    error
	crash  bool
	ctx    context.Context //nolint:containedctx // the handler's context, for a test to check
}

// got returns the bodies received so far.
func (f *fakeWebhooks) got() [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.bodies)
}

// take records a body and the User-Agent that came with it.
func (f *fakeWebhooks) take(beside webhook.Header, body []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bodies, f.agents = append(f.bodies, body), append(f.agents, beside("user-agent"))
	return f.err
}

func (f *fakeWebhooks) MetaHandshake(app, mode, token, challenge string) (string, error) {
	if app != "main" {
		return "", webhook.ErrUnknown
	}
	if mode != "subscribe" || token != "verify me" {
		return "", webhook.ErrForbidden
	}
	return challenge, nil
}

func (f *fakeWebhooks) MetaCaller(app, signature string) error {
	switch {
	case app != "main":
		return webhook.ErrUnknown
	case !strings.HasPrefix(signature, "sha256="):
		return webhook.ErrUnauthorized
	}
	return nil
}

func (f *fakeWebhooks) Meta(ctx context.Context, app, signature string, beside webhook.Header, body []byte) error {
	f.ctx = ctx
	switch {
	case f.crash:
		panic("about +5511912345678")
	case app != "main":
		return webhook.ErrUnknown
	case signature != "sha256=right":
		return webhook.ErrUnauthorized
	}
	return f.take(beside, body)
}

func (f *fakeWebhooks) GupshupCaller(channel followup.ChannelID, token string) error {
	switch {
	case channel != front && channel != second && channel != backendtest.Alien:
		return webhook.ErrUnknown
	case token != "callback token":
		return webhook.ErrUnauthorized
	}
	return nil
}

func (f *fakeWebhooks) Gupshup(_ context.Context, channel followup.ChannelID, token string, beside webhook.Header, body []byte) error {
	if err := f.GupshupCaller(channel, token); err != nil {
		return err
	}
	return f.take(beside, body)
}

// fakeMessages records the requests to send and gives one answer to all.
type fakeMessages struct {
	got    []server.MessagesRequest
	answer server.MessagesAnswer
}

func (f *fakeMessages) Send(_ context.Context, r server.MessagesRequest) server.MessagesAnswer {
	f.got = append(f.got, r)
	return f.answer
}
