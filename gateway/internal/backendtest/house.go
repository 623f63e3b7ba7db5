// Package backendtest is a harness for tests of the /backend API, called a house: two tenants, the
// services that keep their leads and their follow-ups, a store in memory, and a clock that stands
// still until a test moves it.
package backendtest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/followups"
	"wagate/gateway/internal/leads"
	"wagate/providers"
)

// The two tenants, each with an assistant and its channel. Acme has Sales and Front, Other has Rival
// and Alien.
const (
	Acme  followup.TenantID    = "a0000000-0000-4000-8000-000000000001"
	Other followup.TenantID    = "b0000000-0000-4000-8000-000000000001"
	Sales followup.AssistantID = "a0000000-0000-4000-8000-00000000000a"
	Rival followup.AssistantID = "b0000000-0000-4000-8000-00000000000a"
	Front followup.ChannelID   = "a0000000-0000-4000-8000-0000000000c1"
	Alien followup.ChannelID   = "b0000000-0000-4000-8000-0000000000c1"

	// Secret signs what Acme's CRM posts; a signature by OldSecret is also still valid. The other
	// tenant has no CRM.
	Secret    = "crm-secret-for-tests"
	OldSecret = "old-crm-secret-for-tests"
)

// Start is the time at which the clock of a house starts.
var Start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Params configures a house. All fields are optional.
type Params struct {
	// Store is the house's store. Two houses with one store stand for two processes. The default
	// is a new store in memory.
	Store followup.Store
	// Assistants and Channels are further ones of Acme.
	Assistants []followup.Assistant
	Channels   []followup.Channel
	// Templates is the registry of templates. May be nil.
	Templates followups.Templates
}

// House stands for a process with the services of the /backend API.
type House struct {
	Store     followup.Store
	Directory *followup.Directory
	Leads     *leads.Service
	Runs      *followups.Service
	Registry  *prometheus.Registry

	t     *testing.T
	clock atomic.Int64
	armed atomic.Int64
}

// New builds a house.
func New(t *testing.T, p Params) *House {
	t.Helper()
	if p.Store == nil {
		p.Store = memstore.New()
	}
	h := &House{t: t, Store: p.Store, Directory: directory(p), Registry: prometheus.NewRegistry()}
	h.clock.Store(Start.UnixMilli())
	metrics := followup.NewMetrics(h.Registry)
	if s, ok := h.Store.(*memstore.Store); ok && s.OnEnded == nil { // of two houses, the first counts
		s.OnEnded = metrics.Ended
	}
	armed := func() { h.armed.Add(1) }
	h.Runs = followups.New(followups.Params{
		Store: h.Store, Directory: h.Directory, Templates: p.Templates, Metrics: metrics, Now: h.Now, Real: h.Now, Armed: armed,
	})
	h.Leads = leads.New(leads.Params{
		Store: h.Store, Planner: h.Runs, Directory: h.Directory,
		CRMSecrets: map[followup.TenantID][]string{Acme: {Secret, OldSecret}},
		Now:        h.Now, Real: h.Now, Armed: armed,
	})
	return h
}

func directory(p Params) *followup.Directory {
	return followup.NewDirectory([]followup.Tenant{
		{
			ID: Acme, Name: "Acme", Assistants: append([]followup.Assistant{{ID: Sales}}, p.Assistants...),
			Channels: append([]followup.Channel{{ID: Front, Tenant: Acme, Provider: providers.Meta, Assistant: Sales}}, p.Channels...),
		},
		{
			ID: Other, Name: "Other", Assistants: []followup.Assistant{{ID: Rival}},
			Channels: []followup.Channel{{ID: Alien, Tenant: Other, Provider: providers.Meta, Assistant: Rival}},
		},
	})
}

// Now returns the house's time, which is both domain time and real time.
func (h *House) Now() time.Time { return time.UnixMilli(h.clock.Load()).UTC() }

// Advance moves the clock forward by d.
func (h *House) Advance(d time.Duration) { h.clock.Add(d.Milliseconds()) }

// Armed returns how often the services have reported that a run was started.
func (h *House) Armed() int { return int(h.armed.Load()) }

// Ctx returns the test's context.
func (h *House) Ctx() context.Context { return h.t.Context() }
