package ingest

import (
	"fmt"
	"testing"
	"time"

	"wagate/followup"
)

// TestI3Window has which events open the window, and from when.
func TestI3Window(t *testing.T) {
	t.Parallel()
	echo := `"message_echoes":[{"from":"15550142200","to":"15550100001","id":"wamid.e","timestamp":"` + fmt.Sprint(minute(-1)) + `","type":"text","text":{"body":"hello"}}]`
	reaction := `"messages":[{"from":"15550100001","id":"wamid.r","timestamp":"` + fmt.Sprint(minute(-1)) + `","type":"reaction","reaction":{"message_id":"wamid.o","emoji":"+"}}]`
	cases := []struct {
		name string
		body string
		want time.Time
	}{
		{"message's own time", messages("n-sales", text("15550100001", "wamid.1", minute(-90), "x")), now.Add(-90 * time.Minute)},
		{"latest of two", messages("n-sales", text("15550100001", "wamid.1", minute(-30), "x"), text("15550100001", "wamid.2", minute(-60), "x")), now.Add(-30 * time.Minute)},
		{"future counts as now", messages("n-sales", text("15550100001", "wamid.1", minute(90), "x")), now},
		{"status", messages("n-sales", status("15550100001", "wamid.o", "read", "")), time.Time{}},
		{"echo", fieldOf("smb_message_echoes", "n-sales", echo), time.Time{}},
		{"reaction", messages("n-sales", reaction), time.Time{}},
		{"group", replace(messages("n-sales", text("15550100001", "wamid.1", minute(-1), "x")), `"type":"text"`, `"group_id":"g1","type":"text"`), time.Time{}},
		{"call", fieldOf("calls", "n-sales", `"calls":[{"id":"wacid.1","from":"15550100001","to":"15550142200","event":"connect","timestamp":"`+fmt.Sprint(minute(-5))+`","direction":"USER_INITIATED"}]`), now.Add(-5 * time.Minute)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			if _, err := h.store.Resolve(t.Context(), tenantA, followup.Identity{Phone: "15550100001"}, true, now); err != nil {
				t.Fatal(err)
			}
			h.meta(t, c.body)
			if got := h.lead(t, tenantA, "15550100001").Windows[metaSales].LastInbound; !got.Equal(c.want) {
				t.Errorf("got window from %v, want %v", got, c.want)
			}
			if got := len(h.values(t, sales)); got == 0 {
				t.Error("got nothing relayed, want the event")
			}
		})
	}

	t.Run("arrival time with a scaled clock", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, func(p *Params) { p.ArrivalTime = true })
		h.meta(t, cases[0].body)
		if got := h.lead(t, tenantA, "15550100001").Windows[metaSales].LastInbound; !got.Equal(now) {
			t.Errorf("got window from %v, want %v", got, now)
		}
	})
}

// TestI3NoTimeOpensNothing: a message whose timestamp is missing or not credible opens no window.
// It is still relayed, and still counts as a reply.
func TestI3NoTimeOpensNothing(t *testing.T) {
	t.Parallel()
	told := messages("n-sales", text("15550100001", "wamid.1", 0, "x"))
	for name, body := range map[string]string{
		"none":         replace(told, `"timestamp":"0",`, ""),
		"zero":         told,
		"negative":     replace(told, `"0"`, `"-1793620800"`),
		"not a number": replace(told, `"0"`, `"yesterday"`),
		"null":         replace(told, `"0"`, `null`),
		"before 2009":  replace(told, `"0"`, `"1230767999"`),
		"too large":    replace(told, `"0"`, `"179362080000000"`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			run := h.arm(t, tenantA, "15550100001", sales, metaSales)
			h.meta(t, body)
			if got := h.lead(t, tenantA, "15550100001").Windows[metaSales].LastInbound; !got.IsZero() {
				t.Errorf("got window from %v, want none", got)
			}
			if got := h.run(t, tenantA, run).Reason; got != followup.Replied {
				t.Errorf("got run ended as %q, want replied", got)
			}
			if got := len(h.values(t, sales)); got != 1 {
				t.Errorf("got %d relayed, want 1", got)
			}
		})
	}
}

// TestI3GupshupTime: version 2 has only Gupshup's own time. The window counts from a minute before
// that time, or from a minute before the arrival if there is no credible time.
func TestI3GupshupTime(t *testing.T) {
	t.Parallel()
	body := `{"app":"AcmeCare","timestamp":` + fmt.Sprint(1000*minute(-5)) + `,"version":2,"type":"message",` +
		`"payload":{"id":"wamid.1","source":"15550100001","type":"text","payload":{"text":"hi"},"sender":{"phone":"15550100001"}}}`
	stamp := fmt.Sprint(1000 * minute(-5))
	for name, c := range map[string]struct {
		body string
		want time.Duration
	}{
		"told":   {body, -6 * time.Minute},
		"none":   {replace(body, `"timestamp":`+stamp+`,`, ""), -time.Minute},
		"absurd": {replace(body, stamp, "1"), -time.Minute},
		"future": {replace(body, stamp, fmt.Sprint(1000*minute(5))), -time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			h.gupshup(t, c.body)
			if got := h.lead(t, tenantA, "15550100001").Windows[gupSales].LastInbound; !got.Equal(now.Add(c.want)) {
				t.Errorf("got window from %v, want %v", got, now.Add(c.want))
			}
		})
	}
}
