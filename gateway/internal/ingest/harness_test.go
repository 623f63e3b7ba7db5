package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/providers"
	"wagate/providers/providertest"
)

const (
	tenantA followup.TenantID = "aaaaaaaa-0000-4000-8000-000000000001"
	tenantB followup.TenantID = "bbbbbbbb-0000-4000-8000-000000000001"

	sales   followup.AssistantID = "aaaaaaaa-0000-4000-8000-00000000a001"
	support followup.AssistantID = "aaaaaaaa-0000-4000-8000-00000000a002"
	other   followup.AssistantID = "bbbbbbbb-0000-4000-8000-00000000a001"

	metaSales   followup.ChannelID = "aaaaaaaa-0000-4000-8000-00000000c001"
	metaSupport followup.ChannelID = "aaaaaaaa-0000-4000-8000-00000000c002"
	metaOther   followup.ChannelID = "bbbbbbbb-0000-4000-8000-00000000c001"
	gupSales    followup.ChannelID = "aaaaaaaa-0000-4000-8000-00000000c003"

	waba     = "310000000000001"
	gupAppID = "0a1b2c3d-0000-4000-8000-000000000009"
)

var (
	now    = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	minute = func(n int) int64 { return now.Add(time.Duration(n) * time.Minute).Unix() }
)

// harness is an Ingest on a memory store, with two Meta apps, two tenants and one Gupshup channel.
// It records what its hooks are called with.
type harness struct {
	*Ingest

	header   http.Header // posted with each webhook, beside the signature or token
	store    *memstore.Store
	registry *prometheus.Registry

	mu    sync.Mutex // guards the fields below
	wakes int
	tmpl  []notedTemplate
	// tmplErr is what NoteTemplates returns.
	tmplErr   error
	tmplCalls int
	rearm     []followup.AssistantID
}

// notedTemplate is a template change that NoteTemplates was called with.
type notedTemplate struct {
	channel followup.ChannelID
	change  providers.TemplateChange
	at      time.Time
}

// newHarness returns a harness on a new memory store.
func newHarness(t *testing.T, change func(*Params)) *harness {
	t.Helper()
	return newHarnessOn(t, memstore.New(), change)
}

// newHarnessOn returns a harness on s. change may set a Store that wraps s.
func newHarnessOn(t *testing.T, s *memstore.Store, change func(*Params)) *harness {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	h := &harness{store: s, registry: registry}
	p := Params{
		Channels: []followup.Channel{
			{ID: metaSales, Tenant: tenantA, Provider: providers.Meta, Assistant: sales, Number: "n-sales", Account: waba},
			{ID: metaSupport, Tenant: tenantA, Provider: providers.Meta, Assistant: support, Number: "n-support", Account: waba},
			{ID: metaOther, Tenant: tenantB, Provider: providers.Meta, Assistant: other, Number: "n-other", Account: waba},
			{ID: gupSales, Tenant: tenantA, Provider: providers.Gupshup, Assistant: sales, Number: "15550142200", Account: gupAppID},
		},
		Apps: map[string]App{
			"main":  {Secrets: []string{"new-unit-secret", "old-unit-secret"}, VerifyTokens: []string{"verify-unit", "verify-unit-old"}},
			"other": {Secrets: []string{"other-unit-secret"}, VerifyTokens: []string{"verify-other"}},
		},
		MetaBinding:    map[followup.ChannelID]string{metaSales: "main", metaSupport: "main", metaOther: "other"},
		GupshupBinding: map[followup.ChannelID]GupshupApp{gupSales: {ID: gupAppID, Name: "AcmeCare", Tokens: []string{"cb-unit", "cb-unit-old"}}},
		OptOutWords:    followup.NewOptOutWords(followup.DefaultOptOutWords()),
		Steps:          followup.NewMetrics(registry),
		Logger:         slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics:        registry,
		Now:            func() time.Time { return now },
		Real:           func() time.Time { return now },
		RelayWake:      func() { h.mu.Lock(); h.wakes++; h.mu.Unlock() },
		NoteTemplates: func(_ context.Context, c followup.Channel, said []followup.TemplateSaid) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.tmplCalls++
			for _, one := range said {
				h.tmpl = append(h.tmpl, notedTemplate{c.ID, one.Change, one.At})
			}
			return h.tmplErr
		},
		Rearm: func(_ context.Context, _ followup.TenantID, _ followup.LeadID, a []followup.AssistantID) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.rearm = append(h.rearm, a...)
		},
	}
	if change != nil {
		change(&p)
	}
	if p.Store == nil {
		p.Store = h.store
	}
	h.Ingest = New(p)
	return h
}

// sign returns the X-Hub-Signature-256 of a body.
func sign(secret, body string) string { return providertest.Sign(secret, []byte(body)) }

// Meta posts a body to Ingest.Meta with the headers that the test has set.
func (h *harness) Meta(ctx context.Context, app, signature string, body []byte) error {
	return h.Ingest.Meta(ctx, app, signature, h.header.Get, body)
}

// Gupshup posts a body to Ingest.Gupshup with the headers that the test has set.
func (h *harness) Gupshup(ctx context.Context, channel followup.ChannelID, token string, body []byte) error {
	return h.Ingest.Gupshup(ctx, channel, token, h.header.Get, body)
}

// postMeta posts a body with the signature of app main.
func (h *harness) postMeta(ctx context.Context, body string) error {
	return h.Meta(ctx, "main", sign("new-unit-secret", body), []byte(body))
}

// meta posts a body as app main, and fails the test unless it is accepted.
func (h *harness) meta(t *testing.T, body string) {
	t.Helper()
	if err := h.postMeta(t.Context(), body); err != nil {
		t.Fatalf("meta: got %v, want nil", err)
	}
}

// gupshup posts a callback to the Gupshup channel, and fails the test unless it is accepted.
func (h *harness) gupshup(t *testing.T, body string) {
	t.Helper()
	if err := h.Gupshup(t.Context(), gupSales, "cb-unit", []byte(body)); err != nil {
		t.Fatalf("gupshup: got %v, want nil", err)
	}
}

// messages returns a body with values of the field messages for one number.
func messages(number string, values ...string) string {
	return fieldOf("messages", number, values...)
}

// fieldOf returns a body with values of a field for one number.
func fieldOf(field, number string, values ...string) string {
	return envelope(entry(field, number, values...))
}

// envelope returns a body with these entries.
func envelope(entries ...string) string {
	return `{"object":"whatsapp_business_account","entry":[` + strings.Join(entries, ",") + `]}`
}

// entry returns an entry with values of a field for one number.
func entry(field, number string, values ...string) string {
	var changes []string
	for _, v := range values {
		changes = append(changes, fmt.Sprintf(`{"field":%q,"value":{"messaging_product":"whatsapp",`+
			`"metadata":{"display_phone_number":"15550142200","phone_number_id":%q},%s}}`, field, number, v))
	}
	return fmt.Sprintf(`{"id":%q,"changes":[%s]}`, waba, strings.Join(changes, ","))
}

// text returns the members of a value with one text message. who is a phone, a user id (which has a
// dot), or both with a slash between them.
func text(who, id string, at int64, body string) string {
	phone, user := identity(who)
	contact, from := "", ""
	if phone != "" {
		contact, from = fmt.Sprintf(`"wa_id":%q`, phone), fmt.Sprintf(`"from":%q,`, phone)
	}
	if user != "" {
		contact = strings.Trim(contact+fmt.Sprintf(`,"user_id":%q`, user), ",")
		from += fmt.Sprintf(`"from_user_id":%q,`, user)
	}
	return fmt.Sprintf(`"contacts":[{%s,"profile":{"name":"Noor"}}],"messages":[{%s"id":%q,"timestamp":"%d","type":"text","text":{"body":%q}}]`,
		contact, from, id, at, body)
}

// echo returns the members of a value with one message that the business wrote in its own app; who
// is as in text.
func echo(who, id string) string {
	phone, user := identity(who)
	to := ""
	if phone != "" {
		to += fmt.Sprintf(`"to":%q,`, phone)
	}
	if user != "" {
		to += fmt.Sprintf(`"to_user_id":%q,`, user)
	}
	return fmt.Sprintf(`"message_echoes":[{"from":"15550142200",%s"id":%q,"timestamp":"%d","type":"text","text":{"body":"x"}}]`,
		to, id, minute(-1))
}

// identity splits a who, as in text, into phone and user id.
func identity(who string) (phone, user string) {
	for part := range strings.SplitSeq(who, "/") {
		if strings.Contains(part, ".") {
			user = part
		} else {
			phone = part
		}
	}
	return phone, user
}

// status returns the members of a value with one status; who is as in text.
func status(who, id, state, opaque string) string {
	phone, user := identity(who)
	extra := ""
	if user != "" {
		extra += fmt.Sprintf(`,"recipient_user_id":%q`, user)
	}
	if opaque != "" {
		extra += fmt.Sprintf(`,"biz_opaque_callback_data":%q`, opaque)
	}
	return fmt.Sprintf(`"statuses":[{"id":%q,"status":%q,"timestamp":"%d","recipient_id":%q%s}]`, id, state, minute(0), phone, extra)
}

// lead returns the tenant's lead with that identity, and fails the test if there is none.
func (h *harness) lead(t *testing.T, tenant followup.TenantID, who string) followup.Lead {
	t.Helper()
	phone, user := identity(who)
	id, err := h.store.Resolve(t.Context(), tenant, followup.Identity{Phone: phone, UserID: user}, false, now)
	if err != nil {
		t.Fatalf("lead %s: %v", who, err)
	}
	l, err := h.store.Lead(t.Context(), tenant, id)
	if err != nil {
		t.Fatalf("lead %s: %v", who, err)
	}
	return l
}

// leads returns how many leads the tenant has.
func (h *harness) leads(t *testing.T, tenant followup.TenantID) int {
	t.Helper()
	_, n, err := h.store.Leads(t.Context(), tenant, followup.LeadFilter{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// relayed claims everything that waits for an assistant.
func (h *harness) relayed(t *testing.T, a followup.AssistantID) []followup.Delivery {
	t.Helper()
	none := map[followup.AssistantID]int{sales: 0, support: 0, other: 0}
	delete(none, a)
	ds, _, err := h.store.ClaimDeliveries(t.Context(), followup.ClaimDeliveries{
		Real: now, Limit: 1000, MaxEvents: 1000, Lease: time.Hour, OfAssistant: followup.Bound[followup.AssistantID]{Left: none},
	})
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// conversations claims everything that waits for an assistant. It returns one string for each
// request: the lead, then the ids of the messages and statuses in it.
func (h *harness) conversations(t *testing.T, a followup.AssistantID) []string {
	t.Helper()
	var out []string
	for _, d := range h.relayed(t, a) {
		said := string(d.Lead)
		for _, e := range d.Events {
			for _, list := range []string{"messages", "statuses", "message_echoes"} {
				if id := member(t, string(e.Value), list, 0, "id"); id != "" {
					said += " " + id
				}
			}
		}
		out = append(out, said)
	}
	return out
}

// values claims everything that waits for an assistant, and returns the values without those of
// follow-up happenings, one conversation after the other.
func (h *harness) values(t *testing.T, a followup.AssistantID) []string {
	t.Helper()
	var out []string
	for _, d := range h.relayed(t, a) {
		for _, e := range d.Events {
			if e.Field != "followup" {
				out = append(out, string(e.Value))
			}
		}
	}
	return out
}

// arm starts a run of the lead on a channel, with a step due in an hour.
func (h *harness) arm(t *testing.T, tenant followup.TenantID, who string, a followup.AssistantID, c followup.ChannelID) followup.RunID {
	t.Helper()
	phone, user := identity(who)
	id, err := h.store.Resolve(t.Context(), tenant, followup.Identity{Phone: phone, UserID: user}, true, now)
	if err != nil {
		t.Fatal(err)
	}
	run, _, err := h.store.Start(t.Context(), tenant, id, followup.Arm{
		Config: "cccccccc-0000-4000-8000-000000000001", Assistant: a, Channel: c, Ladder: "ladder", Interval: time.Hour,
	}, false, now, now)
	if err != nil || run == "" {
		t.Fatalf("start: got %q, %v, want a run", run, err)
	}
	return run
}

// run returns a run as stored.
func (h *harness) run(t *testing.T, tenant followup.TenantID, id followup.RunID) followup.Run {
	t.Helper()
	r, err := h.store.Run(t.Context(), tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// events returns how many events of a kind were counted.
func (h *harness) events(p providers.Name, k providers.Kind) float64 {
	return testutil.ToFloat64(h.metrics.events.WithLabelValues(string(p), string(k)))
}

// duplicates returns how many events were counted as duplicates.
func (h *harness) duplicates(p providers.Name) float64 {
	return testutil.ToFloat64(h.metrics.duplicates.WithLabelValues(string(p)))
}

// droppedFor returns how many items were counted as dropped for a reason.
func (h *harness) droppedFor(p providers.Name, reason string) float64 {
	return testutil.ToFloat64(h.metrics.dropped.WithLabelValues(string(p), reason))
}

// cancelled returns how many steps were counted as cancelled for a reason.
func (h *harness) cancelled(t *testing.T, reason followup.Reason) float64 {
	t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != "wagate_followup_steps_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["outcome"] == string(followup.Cancelled) && labels["reason"] == string(reason) {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// flakyStore fails the settlements for whose number, from 1, broken returns an error.
type flakyStore struct {
	*memstore.Store

	mu     sync.Mutex
	n      int
	broken func(n int) error
}

// errAway is how a store fails in these tests.
var errAway = errors.New("store away")

func (f *flakyStore) Settle(ctx context.Context, s followup.Settlement) (followup.Settled, error) {
	f.mu.Lock()
	f.n++
	err := f.broken(f.n)
	f.mu.Unlock()
	if err != nil {
		return followup.Settled{}, err
	}
	return f.Store.Settle(ctx, s)
}

// member returns the member of a JSON text at a path of names and indices, or "" if there is none.
func member(t *testing.T, raw string, path ...any) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		t.Fatal(err)
	}
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return ""
			}
			v = l[p]
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// valuesAt is values at a later real time, when the leases of earlier claims have expired. It also
// delivers what waits behind.
func (h *harness) valuesAt(t *testing.T, a followup.AssistantID, real time.Time) []string {
	t.Helper()
	ds, _, err := h.store.ClaimDeliveries(t.Context(), followup.ClaimDeliveries{Real: real, Limit: 1000, MaxEvents: 1000, Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for len(ds) > 0 {
		d := ds[0]
		ds = ds[1:]
		if err := h.store.FinishDelivery(t.Context(), followup.FinishDelivery{Delivery: d, Delivered: true, Real: real}); err != nil {
			t.Fatal(err)
		}
		if d.Assistant != a {
			continue
		}
		for _, e := range d.Events {
			if e.Field != "followup" {
				out = append(out, string(e.Value))
			}
		}
		more, _, err := h.store.ClaimDeliveries(t.Context(), followup.ClaimDeliveries{Real: real, Limit: 1000, MaxEvents: 1000, Lease: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, more...)
	}
	return out
}
