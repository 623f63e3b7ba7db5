package followups_test

import (
	"testing"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/fault"
)

// TestStartByHand: a run can be started by hand for a lead without a status, by the lead alone or
// with its assistant, config or channel. It restarts a live run.
func TestStartByHand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.create("")
	lead := h.lead(nil) // no status at all
	for _, by := range []string{"", `,"assistant_id":"` + string(sales) + `"`, `,"config_id":"` + string(c.ID) + `"`, `,"channel_id":"` + string(front) + `","assistant_id":null`} {
		r, err := h.start(lead, by)
		if err != nil {
			t.Fatalf("start%s: %v", by, err)
		}
		want := `{"id":"` + string(r.ID) + `","lead_id":"` + string(lead) + `","config_id":"` + string(c.ID) + `","assistant_id":"` + string(sales) + `",` +
			`"channel_id":"` + string(front) + `","state":"armed","reason":null,"started_at":"2026-03-02T09:00:00Z","ended_at":null,` +
			`"timeline":[{"step":1,"due_at":"2026-03-02T09:30:00Z","outcome":null,"reason":null,"message_id":null,"at":null,"settled":null}]}`
		if got := backendtest.JSON(t, r); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	runs, err := h.Runs.Runs(t.Context(), acme, string(lead))
	if err != nil || len(runs) != 4 {
		t.Fatalf("got %d runs, error %v, want 4", len(runs), err)
	}
	for _, r := range runs[1:] {
		if r.State != followup.RunEnded || *r.Reason != followup.Restarted {
			t.Errorf("older run: got %s, want it ended as restarted", backendtest.JSON(t, r))
		}
	}
	if got := h.Armed(); got != 4 {
		t.Errorf("got %d wake-ups, want 4", got)
	}
}

// TestStartByHandRefuses: a start that is malformed, or for which there is no lead or no config, is
// refused, and so is one that cannot start a run, with the reason.
func TestStartByHandRefuses(t *testing.T) {
	t.Parallel()
	unknown := string(followup.NewLeadID())
	tests := []struct {
		name    string
		config  string // what the config is updated with; "-": there is no config
		lead    func(*followup.Lead)
		members string
		code    fault.Code
		details []string
	}{
		{"wrong fields", "", nil, `,"assistant_id":"` + string(rival) + `","channel_id":"` + string(alien) + `","x":1,"config_id":5`, fault.Validation, []string{
			"config_id: must be a string", "x: is not a known field",
			"assistant_id: is not an assistant of this tenant", "channel_id: is not a channel of this tenant",
		}},
		{"given twice", "", nil, `,"lead_id":null`, fault.Validation, []string{"lead_id: is given twice"}},
		{"assistant and config", "", nil, `,"assistant_id":"` + string(sales) + `","config_id":"x"`, fault.Validation, []string{
			"config_id: must not be given together with assistant_id",
		}},
		{"unknown config", "", nil, `,"config_id":"` + unknown + `"`, fault.NotFound, nil},
		{"no config", "-", nil, "", fault.RunNotStarted, []string{"assistant_id: has no follow-up configuration"}},
		{"no config of this assistant", "", nil, `,"assistant_id":"` + string(support) + `"`, fault.RunNotStarted, []string{
			"assistant_id: has no follow-up configuration",
		}},
		{"no assistant", "", func(l *followup.Lead) { l.Channel = "" }, "", fault.RunNotStarted, []string{
			"assistant_id: is needed: the lead has no assistant",
		}},
		{"opted out", "", func(l *followup.Lead) { l.OptedOut = true }, "", fault.RunNotStarted, []string{"lead_id: the lead has opted out"}},
		{"inactive", `"is_active":false`, nil, "", fault.RunNotStarted, []string{"config_id: the configuration is not active"}},
		{
			"no steps on the channel", `"steps":[],"official_steps":[{"channel_id":"` + string(help) + `","app_id":"x","steps":[{"interval":"PT1H","prompt":"x"}]}]`,
			nil, "", fault.RunNotStarted,
			[]string{"channel_id: the configuration has no steps for this channel"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			if tt.config != "-" {
				c := h.create("")
				if tt.config != "" {
					if _, err := h.Runs.Update(t.Context(), acme, string(c.ID), []byte("{"+tt.config+"}")); err != nil {
						t.Fatalf("update: %v", err)
					}
				}
			}
			_, err := h.start(h.lead(tt.lead), tt.members)
			backendtest.WantFault(t, err, tt.code, tt.details...)
		})
	}
	h := newHouse(t)
	for _, id := range []string{unknown, "x"} {
		_, err := h.Runs.Start(t.Context(), acme, []byte(`{"lead_id":"`+id+`"}`))
		backendtest.WantFault(t, err, fault.NotFound)
	}
	_, err := h.Runs.Start(t.Context(), acme, []byte(`{}`))
	backendtest.WantFault(t, err, fault.MissingField, "lead_id: is required")
	_, err = h.Runs.Start(t.Context(), acme, []byte(`"x"`))
	backendtest.WantFault(t, err, fault.Validation, "body: must be a JSON object")
}

// TestCancel: cancelling a run ends it and its step. Cancelling it again changes nothing.
func TestCancel(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.create("")
	r, err := h.start(h.lead(nil), "")
	if err != nil {
		t.Fatal(err)
	}
	h.Advance(time.Minute)
	for range 2 { // the second changes nothing
		got, err := h.Runs.Cancel(t.Context(), acme, string(r.ID))
		if err != nil || got.State != followup.RunEnded || *got.Reason != followup.ByAPI || !got.EndedAt.Equal(backendtest.Start.Add(time.Minute)) {
			t.Errorf("got %s, error %v, want ended with reason api", backendtest.JSON(t, got), err)
		}
		if m := got.Timeline; len(m) != 1 || *m[0].Outcome != followup.Cancelled || *m[0].Reason != followup.ByAPI {
			t.Errorf("timeline: got %s, want the step cancelled", backendtest.JSON(t, m))
		}
		h.Advance(time.Minute)
	}
}

// TestI10OtherTenantsRunsAreUnknown: another tenant's key gets 404 from every route of a run. An
// id that is not a run's is answered with 404, too.
func TestI10OtherTenantsRunsAreUnknown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.create("")
	lead := h.lead(nil)
	r, err := h.start(lead, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_, err = h.Runs.Run(ctx, other, string(r.ID))
	backendtest.WantFault(t, err, fault.NotFound)
	_, err = h.Runs.Runs(ctx, other, string(lead))
	backendtest.WantFault(t, err, fault.NotFound)
	_, err = h.Runs.Cancel(ctx, other, string(r.ID))
	backendtest.WantFault(t, err, fault.NotFound)
	_, err = h.Runs.Start(ctx, other, []byte(`{"lead_id":"`+string(lead)+`","config_id":"`+string(c.ID)+`"}`))
	backendtest.WantFault(t, err, fault.NotFound)
	for _, id := range []string{"x", string(lead), ""} {
		_, err = h.Runs.Run(ctx, acme, id)
		backendtest.WantFault(t, err, fault.NotFound)
		_, err = h.Runs.Cancel(ctx, acme, id)
		backendtest.WantFault(t, err, fault.NotFound)
	}
	if got, err := h.Runs.Run(ctx, acme, string(r.ID)); err != nil || got.State != followup.RunArmed {
		t.Errorf("got %s, error %v, want the run untouched", backendtest.JSON(t, got), err)
	}
}

// TestRearmStartsWaitingRun: after a reply to a run of a config with rearm_on_reply, Rearm starts
// the run anew once the business has written again and the config still rearms, and only once. A
// lead that is gone is no error.
func TestRearmStartsWaitingRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.create(`"rearm_on_reply":true`)
	lead := h.lead(func(l *followup.Lead) { l.StatusID = quoted })
	if _, err := h.start(lead, ""); err != nil {
		t.Fatal(err)
	}
	// rearm calls Rearm and returns ten times the number of live runs, plus the number of all runs.
	rearm := func() int {
		t.Helper()
		if err := h.Runs.Rearm(t.Context(), acme, lead, []followup.AssistantID{sales, support}); err != nil {
			t.Fatalf("rearm: %v", err)
		}
		runs, err := h.Runs.Runs(t.Context(), acme, string(lead))
		if err != nil {
			t.Fatal(err)
		}
		live := 0
		for _, r := range runs {
			if r.State != followup.RunEnded {
				live++
			}
		}
		return live*10 + len(runs)
	}
	if got := rearm(); got != 11 {
		t.Errorf("no rearm waits: got %d (live and all runs), want 11", got)
	}
	settled, err := h.Store.Settle(t.Context(), followup.Settlement{
		Tenant: acme, Lead: lead, Now: h.Now(), Real: h.Now(),
		Items: []followup.Item{{DedupID: "m1", Channel: front, Assistant: sales, At: h.Now(), Opens: true, Reply: true}},
	})
	if err != nil || len(settled.Ended) != 1 {
		t.Fatalf("reply: got %+v, error %v, want the run ended", settled, err)
	}
	if got := rearm(); got != 1 {
		t.Errorf("after the reply: got %d (live and all runs), want 1", got)
	}
	if v, err := h.Store.GuardSend(t.Context(), followup.GuardSend{
		Tenant: acme, Lead: lead, Channel: front, Assistant: sales, Now: h.Now(), Real: h.Now(),
	}); err != nil || len(v.Rearm) != 1 {
		t.Fatalf("message of the business: got %+v, error %v, want a rearm", v, err)
	}
	says := func(rearms string) {
		t.Helper()
		if _, err := h.Runs.Update(t.Context(), acme, string(c.ID), []byte(`{"rearm_on_reply":`+rearms+`}`)); err != nil {
			t.Fatalf("update: %v", err)
		}
	}
	says("false")
	if got := rearm(); got != 1 {
		t.Errorf("the config does not rearm: got %d (live and all runs), want 1", got)
	}
	says("true")
	if got := rearm(); got != 12 {
		t.Errorf("after the message of the business: got %d (live and all runs), want 12", got)
	}
	if got := rearm(); got != 12 {
		t.Errorf("a second time: got %d (live and all runs), want 12", got)
	}
	if err := h.Runs.Rearm(t.Context(), acme, followup.NewLeadID(), []followup.AssistantID{sales}); err != nil {
		t.Errorf("a lead that is gone: got error %v, want none", err)
	}
}
