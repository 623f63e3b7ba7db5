package ingest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"wagate/followup"
)

// TestI5ReplyByUserID: a run that was started for a phone ends with a reply by user id on another
// channel of the same assistant, once both are known to be one lead.
func TestI5ReplyByUserID(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	run := h.arm(t, tenantA, "15550100001", sales, metaSales)
	h.meta(t, messages("n-support", text("15550100001/US.77", "wamid.1", minute(-9), "who are you?")))
	if got := h.run(t, tenantA, run); got.State == followup.RunEnded {
		t.Fatalf("got run ended by a message to another assistant, want it live")
	}
	h.gupshup(t, replace(gupText("wamid.2", "x", "yes"), `"source":"x"`, `"source":"US.77"`))
	if got := h.run(t, tenantA, run); got.State != followup.RunEnded || got.Reason != followup.Replied {
		t.Errorf("got run %s %s, want ended replied", got.State, got.Reason)
	}
	if got := h.cancelled(t, followup.Replied); got != 1 {
		t.Errorf("got %v steps counted as cancelled by the reply, want 1", got)
	}
	if n := h.leads(t, tenantA); n != 1 {
		t.Errorf("got %d leads, want 1", n)
	}
}

// TestEchoSpeaksForTheBusiness: an echo is relayed in its own field and is in the history as the
// business's. It ends no run and opts nobody out.
func TestEchoSpeaksForTheBusiness(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	run := h.arm(t, tenantA, "15550100001", sales, metaSales)
	h.meta(t, fieldOf("smb_message_echoes", "n-sales",
		`"message_echoes":[{"from":"15550142200","to":"15550100001","id":"wamid.e","timestamp":"`+fmt.Sprint(minute(-1))+`","type":"text","text":{"body":"STOP"}}]`))
	if h.run(t, tenantA, run).State == followup.RunEnded {
		t.Error("got run ended by an echo, want it live")
	}
	entries, err := h.store.History(t.Context(), run.Lead(), metaSales, now)
	if err != nil || len(entries) != 1 || entries[0].From != followup.FromBusiness {
		t.Errorf("got history %v (%v), want one entry of the business", entries, err)
	}
	if h.lead(t, tenantA, "15550100001").OptedOut {
		t.Error("got opted out by the business's own message, want not opted out")
	}
	fields := map[string]bool{}
	for _, d := range h.relayed(t, sales) {
		for _, e := range d.Events {
			fields[e.Field] = true
		}
	}
	if !fields["smb_message_echoes"] || fields["messages"] {
		t.Errorf("got fields %v, want smb_message_echoes and not messages", fields)
	}
}

// TestEchoRestartsTheSilence: a message that a person writes in the business's app puts the next
// step off, by whichever identity the echo names the contact. A repetition of the echo has no
// effect. An echo never opens the window.
func TestEchoRestartsTheSilence(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]string{
		"phone": longPhone, "other spelling": shortPhone, "user id": "BR.1", "both": longPhone + "/BR.1", "former phone": "15550100009",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := now
			h := newHarness(t, func(p *Params) { p.Now = func() time.Time { return clock } })
			run := h.arm(t, tenantA, longPhone+"/BR.1", sales, metaSales)
			if _, err := h.store.Resolve(t.Context(), tenantA, followup.Identity{UserID: "BR.1", OldPhone: "15550100009"}, false, now); err != nil {
				t.Fatal(err)
			}
			due := h.run(t, tenantA, run).DueAt
			body := fieldOf("smb_message_echoes", "n-sales", echo(to, "wamid.e"))
			clock = now.Add(20 * time.Minute)
			h.meta(t, body)
			clock = now.Add(40 * time.Minute)
			h.meta(t, body) // again
			if got, want := h.run(t, tenantA, run), due.Add(20*time.Minute); got.State != followup.RunArmed || !got.DueAt.Equal(want) {
				t.Errorf("got run %s due %v, want armed, due %v", got.State, got.DueAt, want)
			}
			l := h.lead(t, tenantA, longPhone)
			if l.WindowOpen(metaSales, clock) {
				t.Error("got the window open, want it closed as before")
			}
			if n := h.leads(t, tenantA); n != 1 {
				t.Errorf("got %d leads, want 1", n)
			}
		})
	}
}

// TestRearm: after a reply to a run that is to be re-armed, the business's next message calls Rearm
// with the run's assistant.
func TestRearm(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	l, err := h.store.Resolve(t.Context(), tenantA, followup.Identity{Phone: "15550100001"}, true, now)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = h.store.Start(t.Context(), tenantA, l, followup.Arm{
		Config: "cccccccc-0000-4000-8000-000000000001", Assistant: sales, Channel: metaSales, Ladder: "ladder",
		Interval: time.Hour, RearmOnReply: true,
	}, false, now, now)
	if err != nil {
		t.Fatal(err)
	}
	h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-2), "yes")))
	if len(h.rearm) != 0 || h.wakes != 1 {
		t.Errorf("got rearm %v and %d wakes after the reply, want none and 1", h.rearm, h.wakes)
	}
	h.meta(t, fieldOf("smb_message_echoes", "n-sales",
		`"message_echoes":[{"from":"15550142200","to":"15550100001","id":"wamid.e","timestamp":"1","type":"text","text":{"body":"ok"}}]`))
	if !slices.Equal(h.rearm, []followup.AssistantID{sales}) {
		t.Errorf("got rearm %v, want %s", h.rearm, sales)
	}
}

// TestOptOut has messages and preferences that opt a lead out or lift the opt-out, and messages
// that do neither.
func TestOptOut(t *testing.T) {
	t.Parallel()
	preference := func(value string) string {
		return fieldOf("user_preferences", "n-sales", `"contacts":[{"wa_id":"15550100001"}],"user_preferences":[{"wa_id":"15550100001",`+
			`"category":"marketing_messages","value":"`+value+`","timestamp":`+fmt.Sprint(minute(-1))+`}]`)
	}
	message := func(s string) string { return messages("n-sales", text("15550100001", "wamid.1", minute(-1), s)) }
	cases := []struct {
		name string
		body string
		was  bool
		want bool
	}{
		{"opt-out word", message("stop"), false, true},
		{"with punctuation", message(" *PARAR!* "), false, true},
		{"in a sentence", message("please stop by"), false, false},
		{"as a caption", replace(replace(message("stop"), `"type":"text"`, `"type":"image"`), `"text":{"body":"stop"}`, `"image":{"id":"1","caption":"stop"}`), false, false},
		{"preference", preference("stop"), false, true},
		{"resume", preference("resume"), true, false},
		{"a message does not resume", message("hello"), true, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			run := h.arm(t, tenantA, "15550100001", support, metaSupport)
			if c.was {
				l := h.lead(t, tenantA, "15550100001")
				l.OptedOut = true
				if _, err := h.store.PutLead(t.Context(), followup.PutLead{Lead: l, Now: now.Add(-time.Hour), Real: now}); err != nil {
					t.Fatal(err)
				}
			}
			h.meta(t, c.body)
			if got := h.lead(t, tenantA, "15550100001").OptedOut; got != c.want {
				t.Errorf("got opted out %v, want %v", got, c.want)
			}
			ended := h.run(t, tenantA, run).State == followup.RunEnded
			if ended != (c.want || c.was) {
				t.Errorf("got run ended %v, want %v", ended, c.want || c.was)
			}
			if want := map[bool]float64{true: 1}[c.want || c.was]; h.cancelled(t, followup.OptedOut) != want && !c.was {
				t.Errorf("got %v steps cancelled by opting out, want %v", h.cancelled(t, followup.OptedOut), want)
			}
		})
	}
	t.Run("an unknown contact's stop", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, nil)
		h.meta(t, preference("stop"))
		if !h.lead(t, tenantA, "15550100001").OptedOut {
			t.Error("got not opted out, want opted out")
		}
	})
}

// TestI5LatestWordCounts: a stop and a resume count as of the time when they were said, in whatever
// order, form and format they come.
func TestI5LatestWordCounts(t *testing.T) {
	t.Parallel()
	n := 0
	preference := func(value, stamp string) string {
		return fieldOf("user_preferences", "n-sales", `"contacts":[{"wa_id":"15550100001"}],"user_preferences":[{"wa_id":"15550100001",`+
			`"category":"marketing_messages","value":"`+value+`"`+stamp+`}]`)
	}
	at := func(minutes int) string { return fmt.Sprintf(`,"timestamp":%d`, minute(minutes)) }
	word := func(minutes int) string {
		n++
		return messages("n-sales", text("15550100001", fmt.Sprint("wamid.", n), minute(minutes), "stop"))
	}
	gupshup := fmt.Sprintf(`{"app":"AcmeCare","timestamp":%d,"version":2,"type":"message","payload":{"id":"wamid.g",`+
		`"source":"15550100001","type":"text","payload":{"text":"stop"},"sender":{"phone":"15550100001"}}}`, 1000*minute(-10)+30_000)
	cases := []struct {
		name   string
		bodies []string
		want   bool
	}{
		{"stop, then an older resume", []string{preference("stop", at(-1)), preference("resume", at(-60))}, true},
		{"resume, then an older stop", []string{preference("resume", at(-1)), preference("stop", at(-60))}, false},
		{"the same second", []string{preference("stop", at(-1)), preference("resume", at(-1))}, true},
		{"the word, then an older resume", []string{word(-1), preference("resume", at(-60))}, true},
		{"resume, then an older word", []string{preference("resume", at(-1)), word(-60)}, false},
		{"resume, then a word half a minute later with a minute's margin", []string{preference("resume", at(-10)), gupshup}, true},
		{"a stop without a time counts as of now", []string{preference("resume", at(-1)), preference("stop", "")}, true},
		{"a resume without a time lifts nothing", []string{preference("stop", at(-60)), preference("resume", "")}, true},
		{"a stop in the future counts as of now", []string{preference("stop", at(60)), preference("resume", at(-1))}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			for _, body := range c.bodies {
				if body == gupshup {
					h.gupshup(t, body)
				} else {
					h.meta(t, body)
				}
			}
			if got := h.lead(t, tenantA, "15550100001").OptedOut; got != c.want {
				t.Errorf("got opted out %v, want %v", got, c.want)
			}
			if got := len(h.valuesAt(t, sales, now)); got != len(c.bodies) {
				t.Errorf("got %d relayed, want all %d", got, len(c.bodies))
			}
		})
	}
}
