package ingest

import (
	"fmt"
	"testing"

	"wagate/followup"
	"wagate/providers"
)

// historyBody returns a chunk of a history import with one old message in it.
func historyBody(from, to, id, body string) string {
	user := from
	if user == "15550142200" {
		user = to
	}
	return fieldOf("history", "n-sales", fmt.Sprintf(`"history":[{"metadata":{"phase":0},"threads":[{"id":%q,"messages":[`+
		`{"from":%q,"to":%q,"id":%q,"timestamp":"%d","type":"text","text":{"body":%q},"history_context":{"status":"READ"}}]}]}]`,
		user, from, to, id, minute(-1), body))
}

// TestHistoryDroppedByDefault: a history import has no effect and is not relayed, unless the
// channel's assistant asks for it.
func TestHistoryDroppedByDefault(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(p *Params) { p.History = map[followup.AssistantID]bool{support: true} })
	h.meta(t, historyBody("15550100001", "15550142200", "wamid.h", "old"))
	if n := len(h.values(t, sales)) + h.leads(t, tenantA); n != 0 {
		t.Errorf("got %d values and leads, want none", n)
	}
	if got := h.droppedFor(providers.Meta, dropHistory); got != 1 {
		t.Errorf("got %v dropped as history, want 1", got)
	}
}

// TestHistoryIsOnlyRelayed: for an assistant that asks for it, a history import is relayed and has
// no other effect, whether the user or the business wrote the message.
func TestHistoryIsOnlyRelayed(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"the user wrote":     historyBody("15550100001", "15550142200", "wamid.h", "STOP"),
		"the business wrote": historyBody("15550142200", "15550100001", "wamid.h", "hello"),
		"media that follows": fieldOf("history", "n-sales",
			`"messages":[{"from":"15550100001","id":"wamid.h","timestamp":"`+fmt.Sprint(minute(-1))+`","type":"image","image":{"id":"9"}}]`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask := func(p *Params) { p.History = map[followup.AssistantID]bool{sales: true} }
			stranger := newHarness(t, ask)
			stranger.meta(t, body)
			if n := stranger.leads(t, tenantA); n != 0 {
				t.Errorf("got %d leads for a contact who is only in the history, want none", n)
			}
			if got := len(stranger.values(t, sales)); got != 1 {
				t.Errorf("got %d values relayed about a stranger, want 1", got)
			}

			h := newHarness(t, ask)
			run := h.arm(t, tenantA, "15550100001", sales, metaSales)
			due := h.run(t, tenantA, run).DueAt
			before := h.lead(t, tenantA, "15550100001")
			h.meta(t, body)
			h.meta(t, body)
			if got := h.run(t, tenantA, run); got.State == followup.RunEnded || !got.DueAt.Equal(due) {
				t.Errorf("got run %s %s due %v, want it live and still due %v", got.State, got.Reason, got.DueAt, due)
			}
			l := h.lead(t, tenantA, "15550100001")
			if w := l.Windows[metaSales]; w != before.Windows[metaSales] || l.OptedOut {
				t.Errorf("got conversation %+v and opted out %v, want %+v and false", w, l.OptedOut, before.Windows[metaSales])
			}
			if entries, err := h.store.History(t.Context(), run.Lead(), metaSales, now); err != nil || len(entries) != 0 {
				t.Errorf("got history %v (%v), want none stored", entries, err)
			}
			if got := len(h.values(t, sales)); got != 1 {
				t.Errorf("got %d values relayed, want 1: the second body is a repetition", got)
			}
			if got := h.droppedFor(providers.Meta, dropHistory); got != 0 {
				t.Errorf("got %v dropped, want none", got)
			}
			// If the message itself comes later, it is not taken for a repetition.
			h.meta(t, messages("n-sales", text("15550100001", "wamid.h", minute(-1), "alive")))
			if got := h.run(t, tenantA, run); got.Reason != followup.Replied {
				t.Errorf("got run %s %s, want it ended by the live message", got.State, got.Reason)
			}
		})
	}
}
