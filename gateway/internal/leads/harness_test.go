package leads_test

import (
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/leads"
	"wagate/providers"
)

const (
	acme, other  = backendtest.Acme, backendtest.Other
	sales, rival = backendtest.Sales, backendtest.Rival
	front, alien = backendtest.Front, backendtest.Alien
	secret       = backendtest.Secret

	spare followup.ChannelID = "a0000000-0000-4000-8000-0000000000c2"

	quoted   = "11111111-1111-4111-8111-111111111111" // a trigger
	waiting  = "22222222-2222-4222-8222-222222222222" // a trigger
	archived = "33333333-3333-4333-8333-333333333333" // not a trigger
)

// house is a backendtest.House with helpers for tests of leads.
type house struct {
	*backendtest.House
	t *testing.T
}

func newHouse(t *testing.T) *house { return houseOn(t, memstore.New()) }

// houseOn returns a house on a store. Two houses on one store stand for two processes.
func houseOn(t *testing.T, store followup.Store) *house {
	t.Helper()
	return &house{backendtest.New(t, backendtest.Params{
		Store:    store,
		Channels: []followup.Channel{{ID: spare, Tenant: acme, Provider: providers.Gupshup, Assistant: sales}},
	}), t}
}

// update updates a lead of Acme's.
func (h *house) update(id, b string) error {
	_, err := h.Leads.Update(h.Ctx(), acme, id, []byte(b))
	return err
}

// config creates a config with two trigger statuses for Acme's assistant.
func (h *house) config() followup.Config {
	h.t.Helper()
	c, err := h.Runs.Create(h.Ctx(), acme, []byte(`{"assistant_id":"`+string(sales)+`",
		"trigger_status_ids":["`+quoted+`","`+waiting+`"],"steps":[{"interval":"PT30M","prompt":"Ask whether it arrived"}]}`))
	if err != nil {
		h.t.Fatalf("create config: %v", err)
	}
	return c
}

// create creates a lead of Acme's.
func (h *house) create(body string) leads.View {
	h.t.Helper()
	v, err := h.Leads.Create(h.Ctx(), acme, []byte(body))
	if err != nil {
		h.t.Fatalf("create %s: %v", body, err)
	}
	return v
}

// get returns a lead of Acme's as the API shows it.
func (h *house) get(id followup.LeadID) leads.View {
	h.t.Helper()
	v, err := h.Leads.Get(h.Ctx(), acme, string(id))
	if err != nil {
		h.t.Fatalf("get: %v", err)
	}
	return v
}

// live returns the lead's runs that have not ended.
func (h *house) live(id followup.LeadID) (live []followup.Run) {
	h.t.Helper()
	all, err := h.Store.Runs(h.Ctx(), acme, id)
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

// wrote settles a message that the lead wrote on a channel at some time.
func (h *house) wrote(id followup.LeadID, channel followup.ChannelID, at time.Time) {
	h.t.Helper()
	_, err := h.Store.Settle(h.Ctx(), followup.Settlement{
		Tenant: acme, Lead: id, Now: h.Now(), Real: h.Now(),
		Items: []followup.Item{{DedupID: at.String(), Channel: channel, Assistant: sales, At: at, Opens: true, Reply: true}},
	})
	if err != nil {
		h.t.Fatalf("settle: %v", err)
	}
}

// resolve returns the lead that has the identities, of which Resolve may make one.
func (h *house) resolve(who followup.Identity) followup.LeadID {
	h.t.Helper()
	id, err := h.Store.Resolve(h.Ctx(), acme, who, true, h.Now())
	if err != nil {
		h.t.Fatalf("resolve %v: %v", who, err)
	}
	return id
}

// learns changes the lead's record in the store, past the rules of the API.
func (h *house) learns(id followup.LeadID, know func(*followup.Lead)) {
	h.t.Helper()
	l, err := h.Store.Lead(h.Ctx(), acme, id)
	if err != nil {
		h.t.Fatalf("lead: %v", err)
	}
	know(&l)
	if _, err := h.Store.PutLead(h.Ctx(), followup.PutLead{Lead: l, Now: h.Now(), Real: h.Now()}); err != nil {
		h.t.Fatalf("put lead: %v", err)
	}
}

// count returns the counter of steps that were cancelled for a reason, or -1 if there is none.
func (h *house) count(reason followup.Reason) float64 {
	h.t.Helper()
	families, err := h.Registry.Gather()
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
