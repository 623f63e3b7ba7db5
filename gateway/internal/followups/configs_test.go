package followups_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/fault"
)

// TestCreateShowsWholeConfig: create answers with the whole config, defaults filled in, and GET
// shows the same. Read-only members in the request are accepted and ignored.
func TestCreateShowsWholeConfig(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	// A config as the public documentation shows it, with read-only members.
	c, err := h.Runs.Create(t.Context(), acme, []byte(`{
		"id":"0b0f6d1e-6a55-4a0e-9d8a-2f1c5f1f0001","tenant_id":"5f5c2f7e-0000-4000-8000-000000000001",
		"assistant_id":"`+string(sales)+`","trigger_status_ids":["`+quoted+`"],
		"steps":[{"interval":"PT30M","prompt":"Ask kindly"},{"interval":"PT2H","prompt":"Offer a call"}],
		"official_steps":[{"channel_id":"`+string(front)+`","channel_name":"WhatsApp","app_id":"app_1",
			"steps":[{"interval":"P1D","template_name":"back_v1","template_params":["{{LEAD_FIRSTNAME}}","Acme"]}]}],
		"is_active":true,"created_at":"2024-01-15T10:00:00Z"}`))
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	got, err := h.Runs.Config(t.Context(), acme, string(c.ID))
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	if a, b := backendtest.JSON(t, c), backendtest.JSON(t, got); a != b {
		t.Errorf("GET: got %s\nwant     %s", b, a)
	}
	want := `{"id":"` + string(c.ID) + `","tenant_id":"` + string(acme) + `","assistant_id":"` + string(sales) + `",` +
		`"trigger_status_ids":["` + quoted + `"],` +
		`"steps":[{"interval":"PT30M","prompt":"Ask kindly"},{"interval":"PT2H","prompt":"Offer a call"}],` +
		`"official_steps":[{"channel_id":"` + string(front) + `","channel_name":"WhatsApp","app_id":"app_1",` +
		`"steps":[{"interval":"P1D","template_name":"back_v1","template_language":"pt_BR","template_params":["{{LEAD_FIRSTNAME}}","Acme"]}]}],` +
		`"is_active":true,"rearm_on_reply":false,"created_at":"2026-03-02T09:00:00Z","updated_at":"2026-03-02T09:00:00Z","warnings":[]}`
	if got := backendtest.JSON(t, c); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if c.ID == "0b0f6d1e-6a55-4a0e-9d8a-2f1c5f1f0001" {
		t.Errorf("id: got %s, the caller's, want a new one", c.ID)
	}
}

// TestCreateRefuses: create names every wrong field at once, and refuses a second config for an
// assistant.
func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.Runs.Create(t.Context(), acme, []byte(`{"steps":[{"interval":"PT30M","prompt":"x"}]}`))
	backendtest.WantFault(t, err, fault.MissingField, "assistant_id: is required", "trigger_status_ids: is required")
	_, err = h.Runs.Create(t.Context(), acme, []byte(strings.Replace(string(body(`"colour":1`)), string(sales), string(rival), 1)))
	backendtest.WantFault(t, err, fault.Validation, "colour: is not a known field", "assistant_id: is not an assistant of this tenant")
	h.create("")
	_, err = h.Runs.Create(t.Context(), acme, body(""))
	backendtest.WantFault(t, err, fault.AlreadyExists, "assistant_id: has a follow-up configuration")
}

// TestUpdateMerges: an update replaces the keys that it names and keeps the others. The assistant
// cannot be changed. What GET gave can be put back.
func TestUpdateMerges(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.create("")
	got, err := h.Runs.Update(t.Context(), acme, string(c.ID), []byte(`{"rearm_on_reply":true}`))
	if err != nil {
		t.Fatalf("update: %v", err)
	}
	if !got.RearmOnReply || len(got.Steps) != 1 || !got.IsActive || !got.UpdatedAt.After(c.UpdatedAt) {
		t.Errorf("got %s, want the rest kept and a later updated_at", backendtest.JSON(t, got))
	}
	_, err = h.Runs.Update(t.Context(), acme, string(c.ID), []byte(`{"assistant_id":"`+string(support)+`"}`))
	backendtest.WantFault(t, err, fault.Validation, "assistant_id: cannot be changed")
	if _, err = h.Runs.Update(t.Context(), acme, string(c.ID), []byte(backendtest.JSON(t, got))); err != nil {
		t.Errorf("put back what GET gave: %v", err)
	}
}

// TestConcurrentUpdatesAllTakeEffect: concurrent updates of different keys, in two processes, all
// take effect.
func TestConcurrentUpdatesAllTakeEffect(t *testing.T) {
	t.Parallel()
	store := memstore.New()
	one, two := houseOn(t, store), houseOn(t, store)
	c := one.create("")
	// Each update names another key.
	updates := []string{
		`{"rearm_on_reply":true}`, `{"steps":[{"interval":"PT45M","prompt":"new"}]}`,
		`{"trigger_status_ids":["22222222-2222-4222-8222-222222222222"]}`,
		`{"official_steps":[{"channel_id":"` + string(front) + `","app_id":"x","steps":[{"interval":"P1D","template_name":"t"}]}]}`,
	}
	var wg sync.WaitGroup
	for i, u := range updates {
		h := []*house{one, two}[i%2]
		wg.Go(func() {
			if _, err := h.Runs.Update(t.Context(), acme, string(c.ID), []byte(u)); err != nil {
				t.Errorf("update %s: %v", u, err)
			}
		})
	}
	wg.Wait()
	got, err := one.Runs.Config(t.Context(), acme, string(c.ID))
	if err != nil {
		t.Fatal(err)
	}
	if !got.RearmOnReply || got.Steps[0].Interval != "PT45M" || got.TriggerStatusIDs[0] == quoted || len(got.OfficialSteps) != 1 {
		t.Errorf("got %s, want all four updates in it", backendtest.JSON(t, got))
	}
}

// TestInactiveAndDeletedConfigsEndRuns: making a config inactive or deleting it ends its runs. A
// delete that lets runs finish leaves the armed step armed.
func TestInactiveAndDeletedConfigsEndRuns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		end    func(h *house, id string) error
		state  followup.RunState
		reason followup.Reason
	}{
		{"inactive", func(h *house, id string) error {
			_, err := h.Runs.Update(t.Context(), acme, id, []byte(`{"is_active":false}`))
			return err
		}, followup.RunEnded, followup.ConfigOff},
		{"deleted", func(h *house, id string) error { return h.Runs.Delete(t.Context(), acme, id, false) }, followup.RunEnded, followup.ConfigGone},
		{"deleted, let finish", func(h *house, id string) error { return h.Runs.Delete(t.Context(), acme, id, true) }, followup.RunArmed, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			c := h.create("")
			r, err := h.start(h.lead(nil), "")
			if err != nil {
				t.Fatalf("start: %v", err)
			}
			if err := tt.end(h, string(c.ID)); err != nil {
				t.Fatalf("end: %v", err)
			}
			got, err := h.Runs.Run(t.Context(), acme, string(r.ID))
			if err != nil || got.State != tt.state || (got.Reason == nil) != (tt.reason == "") || got.Reason != nil && *got.Reason != tt.reason {
				t.Errorf("got %s, error %v, want state %s, reason %q", backendtest.JSON(t, got), err, tt.state, tt.reason)
			}
		})
	}
}

// TestI10OtherTenantsConfigsAreUnknown: another tenant's key gets 404 from every route of a config,
// and sees none in its own list.
func TestI10OtherTenantsConfigsAreUnknown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.create("")
	ctx := t.Context()
	for _, id := range []string{string(c.ID), strings.ToUpper(string(c.ID)), "x", ""} {
		for name, call := range map[string]func() error{
			"get":       func() error { _, err := h.Runs.Config(ctx, other, id); return err },
			"assistant": func() error { _, err := h.Runs.ConfigOf(ctx, other, string(sales)); return err },
			"tenant":    func() error { _, err := h.Runs.Configs(ctx, other, string(acme)); return err },
			"update":    func() error { _, err := h.Runs.Update(ctx, other, id, []byte(`no JSON`)); return err },
			"delete":    func() error { return h.Runs.Delete(ctx, other, id, false) },
			"ladder":    func() error { _, err := h.Runs.Ladder(ctx, other, id, string(front)); return err },
		} {
			t.Run(fmt.Sprintf("%s %q", name, id), func(t *testing.T) { backendtest.WantFault(t, call(), fault.NotFound) })
		}
	}
	if _, err := h.Runs.Config(ctx, acme, string(c.ID)); err != nil {
		t.Errorf("the config's own tenant: got error %v, want none", err)
	}
	all, err := h.Runs.Configs(ctx, other, string(other))
	if err != nil || backendtest.JSON(t, all) != "[]" {
		t.Errorf("configs of the other tenant: got %s, error %v, want []", backendtest.JSON(t, all), err)
	}
}

// TestLadder: the ladder of a channel is the config's steps and then the channel's own. The channel
// need not be in the operator file, but must not be another tenant's.
func TestLadder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	soon := "c0000000-0000-4000-8000-0000000000c9" // not in the operator's file yet
	c := h.create(`"official_steps":[{"channel_id":"` + soon + `","app_id":"x","steps":[{"interval":"P1D","template_name":"t"}]}]`)
	got, err := h.Runs.Ladder(t.Context(), acme, string(c.ID), soon)
	if err != nil || len(got.Steps) != 2 || got.Steps[1].After != "P1DT30M" {
		t.Errorf("got %s, error %v, want two steps, the second after P1DT30M", backendtest.JSON(t, got), err)
	}
	if got, err = h.Runs.Ladder(t.Context(), acme, string(c.ID), string(front)); err != nil || len(got.Steps) != 1 {
		t.Errorf("got %s, error %v, want one step", backendtest.JSON(t, got), err)
	}
	_, err = h.Runs.Ladder(t.Context(), acme, string(c.ID), "")
	backendtest.WantFault(t, err, fault.MissingField, "channel_id: is required")
	_, err = h.Runs.Ladder(t.Context(), acme, string(c.ID), string(alien))
	backendtest.WantFault(t, err, fault.NotFound)
}

// TestUpdatedAtAlwaysGrows: each update makes updated_at later, even if the clock was set back.
func TestUpdatedAtAlwaysGrows(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.create("")
	h.Advance(-time.Hour) // the clock was set back
	last := c.UpdatedAt
	for range 3 {
		got, err := h.Runs.Update(t.Context(), acme, string(c.ID), []byte(`{}`))
		if err != nil || !got.UpdatedAt.After(last) {
			t.Fatalf("updated_at: got %v, error %v, want after %v", got.UpdatedAt, err, last)
		}
		last = got.UpdatedAt
	}
}
