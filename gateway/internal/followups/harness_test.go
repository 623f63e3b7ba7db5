package followups_test

import (
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
	"wagate/providers"
)

const (
	acme    followup.TenantID    = "a0000000-0000-4000-8000-000000000001"
	other   followup.TenantID    = "b0000000-0000-4000-8000-000000000001"
	sales   followup.AssistantID = "a0000000-0000-4000-8000-00000000000a"
	support followup.AssistantID = "a0000000-0000-4000-8000-00000000000b"
	rival   followup.AssistantID = "b0000000-0000-4000-8000-00000000000a"
	front   followup.ChannelID   = "a0000000-0000-4000-8000-0000000000c1"
	help    followup.ChannelID   = "a0000000-0000-4000-8000-0000000000c2"
	alien   followup.ChannelID   = "b0000000-0000-4000-8000-0000000000c1"

	quoted = "11111111-1111-4111-8111-111111111111"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

type house struct {
	t     *testing.T
	store *memstore.Store
	runs  *followups.Service
	clock atomic.Int64
	armed atomic.Int64
}

func (h *house) now() time.Time { return time.UnixMilli(h.clock.Load()).UTC() }

func (h *house) advance(d time.Duration) { h.clock.Add(d.Milliseconds()) }

func newHouse(t *testing.T) *house { return houseOn(t, memstore.New()) }

func houseOn(t *testing.T, store *memstore.Store) *house {
	t.Helper()
	h := &house{t: t, store: store}
	h.clock.Store(start.UnixMilli())
	h.runs = followups.New(followups.Params{
		Store: store,
		Directory: followup.NewDirectory([]followup.Tenant{
			{
				ID: acme, Name: "Acme", Assistants: []followup.Assistant{{ID: sales}, {ID: support}},
				Channels: []followup.Channel{
					{ID: front, Tenant: acme, Provider: providers.Meta, Assistant: sales},
					{ID: help, Tenant: acme, Provider: providers.Gupshup, Assistant: support},
				},
			},
			{
				ID: other, Name: "Other", Assistants: []followup.Assistant{{ID: rival}},
				Channels: []followup.Channel{{ID: alien, Tenant: other, Provider: providers.Meta, Assistant: rival}},
			},
		}),
		Metrics: followup.NewMetrics(prometheus.NewRegistry()),
		Now:     h.now, Real: h.now, Armed: func() { h.armed.Add(1) },
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	return h
}

// body is a config of Acme's sales assistant with the members given besides.
func body(members string) []byte {
	if members != "" {
		members = "," + members
	}
	return []byte(`{"assistant_id":"` + string(sales) + `","trigger_status_ids":["` + quoted + `"],
		"steps":[{"interval":"PT30M","prompt":"Ask whether it arrived"}]` + members + `}`)
}

func (h *house) create(members string) followup.Config {
	h.t.Helper()
	c, err := h.runs.Create(h.t.Context(), acme, body(members))
	if err != nil {
		h.t.Fatalf("create: %v", err)
	}
	return c
}

// lead makes a lead of Acme's.
func (h *house) lead(edit func(*followup.Lead)) followup.LeadID {
	h.t.Helper()
	id, err := h.store.Resolve(h.t.Context(), acme, followup.Identity{ExternalID: string(followup.NewLeadID())}, true, h.now())
	if err != nil {
		h.t.Fatalf("resolve: %v", err)
	}
	l, err := h.store.Lead(h.t.Context(), acme, id)
	if err != nil {
		h.t.Fatalf("lead: %v", err)
	}
	l.Channel = front
	if edit != nil {
		edit(&l)
	}
	if _, err := h.store.PutLead(h.t.Context(), followup.PutLead{Lead: l, Now: h.now(), Real: h.now()}); err != nil {
		h.t.Fatalf("put lead: %v", err)
	}
	return id
}

func (h *house) start(lead followup.LeadID, members string) (followups.RunView, error) {
	return h.runs.Start(h.t.Context(), acme, []byte(`{"lead_id":"`+string(lead)+`"`+members+`}`))
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
