package leads_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/followups"
	"wagate/gateway/internal/leads"
	"wagate/providers"
)

const (
	acme  followup.TenantID    = "a0000000-0000-4000-8000-000000000001"
	other followup.TenantID    = "b0000000-0000-4000-8000-000000000001"
	sales followup.AssistantID = "a0000000-0000-4000-8000-00000000000a"
	rival followup.AssistantID = "b0000000-0000-4000-8000-00000000000a"
	main  followup.ChannelID   = "a0000000-0000-4000-8000-0000000000c1"
	spare followup.ChannelID   = "a0000000-0000-4000-8000-0000000000c2"
	alien followup.ChannelID   = "b0000000-0000-4000-8000-0000000000c1"

	quoted   = "11111111-1111-4111-8111-111111111111" // a trigger
	waiting  = "22222222-2222-4222-8222-222222222222" // a trigger
	archived = "33333333-3333-4333-8333-333333333333" // none

	secret = "crm-secret-for-tests"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// house is a store with services on it.
type house struct {
	t     *testing.T
	store *memstore.Store
	leads *leads.Service
	runs  *followups.Service
	reg   *prometheus.Registry
	clock atomic.Int64
	armed atomic.Int64
}

func (h *house) now() time.Time          { return time.UnixMilli(h.clock.Load()).UTC() }
func (h *house) advance(d time.Duration) { h.clock.Add(d.Milliseconds()) }
func newHouse(t *testing.T) *house       { return houseOn(t, memstore.New()) }
func (h *house) ctx() context.Context    { return h.t.Context() }
func discard(t *testing.T) *slog.Logger  { return slog.New(slog.NewTextHandler(t.Output(), nil)) }
func (h *house) update(id, b string) error {
	_, err := h.leads.Update(h.ctx(), acme, id, []byte(b))
	return err
}

func houseOn(t *testing.T, store *memstore.Store) *house {
	t.Helper()
	h := &house{t: t, store: store, reg: prometheus.NewRegistry()}
	h.clock.Store(start.UnixMilli())
	directory := followup.NewDirectory([]followup.Tenant{
		{
			ID: acme, Name: "Acme", Assistants: []followup.Assistant{{ID: sales}},
			Channels: []followup.Channel{
				{ID: main, Tenant: acme, Provider: providers.Meta, Assistant: sales},
				{ID: spare, Tenant: acme, Provider: providers.Gupshup, Assistant: sales},
			},
		},
		{
			ID: other, Name: "Other", Assistants: []followup.Assistant{{ID: rival}},
			Channels: []followup.Channel{{ID: alien, Tenant: other, Provider: providers.Meta, Assistant: rival}},
		},
	})
	metrics := followup.NewMetrics(h.reg)
	if store.OnEnded == nil { // a store may serve two houses; it counts in the first
		store.OnEnded = metrics.Ended
	}
	h.runs = followups.New(followups.Params{
		Store: store, Directory: directory, Metrics: metrics, Now: h.now, Real: h.now, Logger: discard(t),
	})
	h.leads = leads.New(leads.Params{
		Store: store, Planner: h.runs, Directory: directory,
		CRMSecrets: map[followup.TenantID]string{acme: secret},
		Now:        h.now, Real: h.now, Armed: func() { h.armed.Add(1) }, Logger: discard(t),
	})
	return h
}

// config gives Acme's assistant a follow-up with two triggers.
func (h *house) config() followup.Config {
	h.t.Helper()
	c, err := h.runs.Create(h.ctx(), acme, []byte(`{"assistant_id":"`+string(sales)+`",
		"trigger_status_ids":["`+quoted+`","`+waiting+`"],"steps":[{"interval":"PT30M","prompt":"Ask whether it arrived"}]}`))
	if err != nil {
		h.t.Fatalf("create config: %v", err)
	}
	return c
}

func (h *house) create(body string) leads.View {
	h.t.Helper()
	v, err := h.leads.Create(h.ctx(), acme, []byte(body))
	if err != nil {
		h.t.Fatalf("create %s: %v", body, err)
	}
	return v
}

func (h *house) get(id followup.LeadID) leads.View {
	h.t.Helper()
	v, err := h.leads.Get(h.ctx(), acme, string(id))
	if err != nil {
		h.t.Fatalf("get: %v", err)
	}
	return v
}

func (h *house) live(id followup.LeadID) (live []followup.Run) {
	h.t.Helper()
	all, err := h.store.Runs(h.ctx(), acme, id)
	if err != nil {
		h.t.Fatalf("runs: %v", err)
	}
	for _, r := range all {
		if r.State != followup.RunEnded {
			live = append(live, r)
		}
	}
	return live
}

// wrote lets the lead write on a channel.
func (h *house) wrote(id followup.LeadID, channel followup.ChannelID, at time.Time) {
	h.t.Helper()
	_, err := h.store.Settle(h.ctx(), followup.Settlement{
		Tenant: acme, Lead: id, Now: h.now(), Real: h.now(),
		Items: []followup.Item{{DedupID: at.String(), Channel: channel, Assistant: sales, At: at, Opens: true, Reply: true}},
	})
	if err != nil {
		h.t.Fatalf("settle: %v", err)
	}
}

// count reads a counter of cancelled steps.
func (h *house) count(reason followup.Reason) float64 {
	h.t.Helper()
	families, err := h.reg.Gather()
	if err != nil {
		h.t.Fatalf("gather: %v", err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			text := m.String()
			if strings.Contains(text, `"cancelled"`) && strings.Contains(text, `"`+string(reason)+`"`) && strings.Contains(text, `"none"`) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// wantFault checks code and details of an error; details are "field: problem".
func wantFault(t *testing.T, err error, code fault.Code, details ...string) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatalf("got %v, want %s", err, code)
	}
	var got []string
	for _, d := range f.Details {
		got = append(got, d.Field+": "+d.Problem)
	}
	if f.Code != code || strings.Join(got, "\n") != strings.Join(details, "\n") {
		t.Errorf("got %s\n%s\nwant %s\n%s", f.Code, strings.Join(got, "\n"), code, strings.Join(details, "\n"))
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	return string(b)
}
