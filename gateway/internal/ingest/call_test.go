package ingest

import (
	"fmt"
	"testing"
	"time"

	"wagate/followup"
)

// call returns a webhook body with one notice about a voice call. list is the notice's list in the
// value. rest has the members that say who takes part and what happened.
func call(list, rest string, at int64) string {
	return fieldOf("calls", "n-sales", fmt.Sprintf(`%q:[{"id":"wacid.1","timestamp":"%d",%s}]`, list, at, rest))
}

// TestI3Calls: a call by the user, answered or not, opens the window from its own time and counts
// as a reply. So does the user's accepting a call of ours. All other call notices do neither. A
// user may be named by user id alone.
func TestI3Calls(t *testing.T) {
	t.Parallel()
	at, opened := minute(-5), now.Add(-5*time.Minute)
	for name, c := range map[string]struct {
		body string
		want time.Time
	}{
		"user calls":                 {call("calls", `"from":"15550100001","to":"15550142200","event":"connect","direction":"USER_INITIATED"`, at), opened},
		"user calls, by user id":     {call("calls", `"from_user_id":"US.1","to":"15550142200","event":"connect","direction":"USER_INITIATED"`, at), opened},
		"user calls, nobody answers": {call("calls", `"from":"15550100001","from_user_id":"US.1","to":"15550142200","event":"connect","status":"FAILED","direction":"USER_INITIATED"`, at), opened},
		"user's call ends":           {call("calls", `"from":"15550100001","to":"15550142200","event":"terminate","direction":"USER_INITIATED"`, at), time.Time{}},
		"user accepts our call":      {call("statuses", `"recipient_id":"15550100001","type":"call","status":"ACCEPTED"`, at), opened},
		"user accepts, by user id":   {call("statuses", `"recipient_user_id":"US.1","type":"call","status":"ACCEPTED"`, at), opened},
		"user rejects our call":      {call("statuses", `"recipient_id":"15550100001","type":"call","status":"REJECTED"`, at), time.Time{}},
		"our call rings":             {call("statuses", `"recipient_id":"15550100001","type":"call","status":"RINGING"`, at), time.Time{}},
		"we call":                    {call("calls", `"from":"15550142200","to":"15550100001","event":"connect","direction":"BUSINESS_INITIATED"`, at), time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			run := h.arm(t, tenantA, "15550100001/US.1", sales, metaSales)
			h.meta(t, c.body)
			h.meta(t, c.body) // again
			if got := h.lead(t, tenantA, "15550100001").Windows[metaSales].LastInbound; !got.Equal(c.want) {
				t.Errorf("got window from %v, want %v", got, c.want)
			}
			if got := h.run(t, tenantA, run); (got.Reason == followup.Replied) != !c.want.IsZero() {
				t.Errorf("got run %s %s, want it ended as replied: %t", got.State, got.Reason, !c.want.IsZero())
			}
			if got := len(h.values(t, sales)); got != 1 {
				t.Errorf("got %d relayed, want 1", got)
			}
			if n := h.leads(t, tenantA); n != 1 {
				t.Errorf("got %d leads, want 1", n)
			}
		})
	}
}

// TestCallCreatesLead: a user who calls before ever writing becomes a lead, by phone or by user id.
// A user who is only called by us does not.
func TestCallCreatesLead(t *testing.T) {
	t.Parallel()
	for who, body := range map[string]string{
		"15550100001": call("calls", `"from":"15550100001","to":"15550142200","event":"connect","direction":"USER_INITIATED"`, minute(-5)),
		"US.1":        call("calls", `"from_user_id":"US.1","to":"15550142200","event":"connect","direction":"USER_INITIATED"`, minute(-5)),
	} {
		h := newHarness(t, nil)
		h.meta(t, body)
		if !h.lead(t, tenantA, who).WindowOpen(metaSales, now) {
			t.Errorf("%s: got the window closed, want it open", who)
		}
	}
	h := newHarness(t, nil)
	h.meta(t, call("calls", `"from":"15550142200","to":"15550100001","event":"connect","direction":"BUSINESS_INITIATED"`, minute(-5)))
	if n := h.leads(t, tenantA); n != 0 {
		t.Errorf("got %d leads after a call of ours, want none", n)
	}
}
