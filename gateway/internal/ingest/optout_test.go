package ingest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// TestStopInSameSecondAsResume: WhatsApp's timestamps are whole seconds. So a STOP does not count
// as older than a tenant's resume within the same second.
func TestStopInSameSecondAsResume(t *testing.T) {
	t.Parallel()
	clock := now
	h := newHarness(t, func(p *Params) { p.Now = func() time.Time { return clock } })
	h.meta(t, messages("n-sales", text("15550100001", "wamid.0", minute(-9), "hello")))
	for _, out := range []bool{true, false} { // opted out, then resumed half a second after now
		l := h.lead(t, tenantA, "15550100001")
		l.OptedOut = out
		at := now.Add(-time.Hour)
		if !out {
			at = now.Add(500 * time.Millisecond)
		}
		if _, err := h.store.PutLead(t.Context(), followup.PutLead{Lead: l, Now: at, Real: now}); err != nil {
			t.Fatal(err)
		}
	}
	clock = now.Add(2 * time.Second)
	h.meta(t, messages("n-sales", text("15550100001", "wamid.1", now.Unix(), "STOP"))) // said at .9 of the second
	if !h.lead(t, tenantA, "15550100001").OptedOut {
		t.Error("got not opted out, want the later STOP to count")
	}
}

// TestI2StopWithoutTime: a contact who stops, resumes and stops again is opted out, even if the
// stops have no time. The last stop, sent again, is a duplicate.
func TestI2StopWithoutTime(t *testing.T) {
	t.Parallel()
	const gupshup = `{"app":"AcmeCare","version":2,"type":"preference-event","payload":{"user_preferences":[` +
		`{"wa_id":"15550100001","category":"marketing_messages","value":"stop"}]}}`
	choice := func(value, stamp string) string {
		return fieldOf("user_preferences", "n-sales", `"contacts":[{"wa_id":"15550100001"}],"user_preferences":[{"wa_id":"15550100001",`+
			`"category":"marketing_messages","value":"`+value+`"`+stamp+`}]`)
	}
	for name, stop := range map[string]func(h *harness){
		"Gupshup v2": func(h *harness) { h.gupshup(t, gupshup) },
		"Gupshup opt-out": func(h *harness) {
			h.gupshup(t, `{"app":"AcmeCare","type":"user-event","payload":{"phone":"15550100001","type":"opted-out"}}`)
		},
		"Meta": func(h *harness) { h.meta(t, choice("stop", "")) },
	} {
		clock := now
		h := newHarness(t, func(p *Params) { p.Now = func() time.Time { return clock } })
		resume := func() { h.meta(t, choice("resume", fmt.Sprintf(`,"timestamp":%d`, clock.Unix()))) }
		for i, c := range []struct {
			do  func()
			out bool
		}{{func() { stop(h) }, true}, {resume, false}, {func() { stop(h) }, true}, {func() { stop(h) }, true}} {
			clock = clock.Add(time.Minute)
			c.do()
			if got := h.lead(t, tenantA, "15550100001").OptedOut; got != c.out {
				t.Errorf("%s, after event %d: got opted out %v, want %v", name, i+1, got, c.out)
			}
		}
		if got := len(h.valuesAt(t, sales, now)); got != 3 {
			t.Errorf("%s: got %d relayed, want 3", name, got)
		}
	}
}

// TestParkedOptOutKeepsItsTime: a parked receipt that opts out counts as of its own time, not as of
// the event that brings it into effect.
func TestParkedOptOutKeepsItsTime(t *testing.T) {
	t.Parallel()
	clock := now
	h := newHarness(t, func(p *Params) { p.Now = func() time.Time { return clock } })
	h.meta(t, messages("n-sales", text("15550100001", "wamid.0", minute(-9), "hello")))
	l := h.lead(t, tenantA, "15550100001")
	v, err := h.store.GuardSend(t.Context(), followup.GuardSend{
		Tenant: tenantA, Lead: l.ID, Channel: metaSales, Assistant: sales, Now: now, Real: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.store.Message(t.Context(), tenantA, "wamid.9", &followup.Parked{
		Channel: metaSales, At: now.Add(-2 * time.Minute),
		Receipt: followup.Receipt{State: providers.StatusFailed, Kind: providers.OptedOut, MessageID: "wamid.9"},
	}); !errors.Is(err, followup.ErrNotFound) {
		t.Fatal(err)
	}
	h.meta(t, fieldOf("user_preferences", "n-sales", `"contacts":[{"wa_id":"15550100001"}],"user_preferences":[{"wa_id":"15550100001",`+
		`"category":"marketing_messages","value":"resume","timestamp":`+fmt.Sprint(minute(-1))+`}]`))
	h.meta(t, messages("n-sales", status("15550100001", "wamid.9", "sent", v.Attempt.Opaque(0))))
	if h.lead(t, tenantA, "15550100001").OptedOut {
		t.Error("got opted out by a receipt older than the resume, want not opted out")
	}
}
