package followups_test

import (
	"testing"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/followups"
	"wagate/providers"
)

const (
	acme, other  = backendtest.Acme, backendtest.Other
	sales, rival = backendtest.Sales, backendtest.Rival
	front, alien = backendtest.Front, backendtest.Alien

	support followup.AssistantID = "a0000000-0000-4000-8000-00000000000b"
	help    followup.ChannelID   = "a0000000-0000-4000-8000-0000000000c2"

	quoted = "11111111-1111-4111-8111-111111111111"
)

// house is a backendtest.House with helpers for tests of follow-ups.
type house struct {
	*backendtest.House
	t *testing.T
}

func newHouse(t *testing.T) *house { return houseOn(t, memstore.New()) }

// houseOn returns a house on a store. Two houses on one store stand for two processes.
func houseOn(t *testing.T, store followup.Store) *house {
	t.Helper()
	return &house{backendtest.New(t, backendtest.Params{
		Store:      store,
		Assistants: []followup.Assistant{{ID: support}},
		Channels:   []followup.Channel{{ID: help, Tenant: acme, Provider: providers.Gupshup, Assistant: support}},
	}), t}
}

// body returns a config of Acme's sales assistant as JSON, with further members.
func body(members string) []byte {
	if members != "" {
		members = "," + members
	}
	return []byte(`{"assistant_id":"` + string(sales) + `","trigger_status_ids":["` + quoted + `"],
		"steps":[{"interval":"PT30M","prompt":"Ask whether it arrived"}]` + members + `}`)
}

// create creates a config of Acme's sales assistant with further members.
func (h *house) create(members string) followup.Config {
	h.t.Helper()
	c, err := h.Runs.Create(h.Ctx(), acme, body(members))
	if err != nil {
		h.t.Fatalf("create: %v", err)
	}
	return c
}

// lead creates a lead of Acme's on the channel front, with what edit, if not nil, changes of it.
func (h *house) lead(edit func(*followup.Lead)) followup.LeadID {
	h.t.Helper()
	id, err := h.Store.Resolve(h.Ctx(), acme, followup.Identity{ExternalID: string(followup.NewLeadID())}, true, h.Now())
	if err != nil {
		h.t.Fatalf("resolve: %v", err)
	}
	l, err := h.Store.Lead(h.Ctx(), acme, id)
	if err != nil {
		h.t.Fatalf("lead: %v", err)
	}
	l.Channel = front
	if edit != nil {
		edit(&l)
	}
	if _, err := h.Store.PutLead(h.Ctx(), followup.PutLead{Lead: l, Now: h.Now(), Real: h.Now()}); err != nil {
		h.t.Fatalf("put lead: %v", err)
	}
	return id
}

// start starts a run of the lead by hand, with further members in the request.
func (h *house) start(lead followup.LeadID, members string) (followups.RunView, error) {
	return h.Runs.Start(h.Ctx(), acme, []byte(`{"lead_id":"`+string(lead)+`"`+members+`}`))
}
