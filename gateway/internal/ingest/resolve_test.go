package ingest

import (
	"context"
	"errors"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/webhook"
)

// TestLeadMoves: if a lead is merged into another one before it is settled, the events are settled
// for the other one. After maxMoves such attempts the body is not acknowledged.
func TestLeadMoves(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	m := &tappedStore{Store: s}
	h := newHarnessOn(t, s, func(p *Params) { p.Store = m })
	older, err := m.Resolve(t.Context(), tenantA, followup.Identity{Phone: "15550100001"}, true, now.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	m.settle = beforeSettle(func() {
		// Another replica learns that the user id and the phone are one person.
		if _, err := m.Resolve(context.Background(), tenantA, followup.Identity{Phone: "15550100001", UserID: "US.77"}, false, now); err != nil {
			t.Error(err)
		}
	})
	h.meta(t, messages("n-sales", text("US.77", "wamid.1", minute(-1), "hi")))
	l := h.lead(t, tenantA, "US.77")
	if l.ID != older || !l.Windows[metaSales].LastInbound.Equal(now.Add(-time.Minute)) {
		t.Errorf("got lead %s with windows %v, want the older one with an open window", l.ID, l.Windows)
	}

	t.Run("for ever", func(t *testing.T) {
		t.Parallel()
		var f *flakyStore
		s := memstore.New()
		h := newHarnessOn(t, s, func(p *Params) {
			f = &flakyStore{Store: s, broken: func(int) error { return followup.ErrLeadMoved }}
			p.Store = f
		})
		body := messages("n-sales", text("15550100001", "wamid.1", minute(-1), "hi"))
		err := h.postMeta(t.Context(), body)
		if !errors.Is(err, webhook.ErrUnavailable) || f.n != maxMoves+1 {
			t.Errorf("got %v after %d settlements, want ErrUnavailable after %d", err, f.n, maxMoves+1)
		}
	})
}

// TestRekey: after a system notice the old and the new identity are one lead, and the lead's record
// has the new identity. The window of the new identity is closed until its first message.
func TestRekey(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, before, notice, after string
		phone, user                 string
	}{
		{
			"number and user id", "15550100001/US.1",
			systemNotice(`"from":"15550100001",`, `"type":"user_changed_number","wa_id":"15550100002","user_id":"US.2","previous_user_id":"US.1"`),
			"US.2", "15550100002", "US.2",
		},
		{
			"phones only", "15550100001",
			systemNotice(`"from":"15550100001",`, `"type":"user_changed_number","wa_id":"15550100002"`),
			"15550100002", "15550100002", "",
		},
		{
			"user id only, new phone hidden", "15550100001/US.1",
			systemNotice("", `"type":"user_changed_user_id","user_id":"US.2","previous_user_id":"US.1"`),
			"US.2", "", "US.2",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			h.meta(t, messages("n-sales", text(c.before, "wamid.1", minute(-60), "hi")))
			id := h.lead(t, tenantA, c.before).ID
			run := h.arm(t, tenantA, c.before, sales, metaSales)
			h.meta(t, c.notice)
			h.meta(t, c.notice) // again
			if h.run(t, tenantA, run).State == followup.RunEnded {
				t.Error("got run ended by a notice, want it live")
			}
			l := h.lead(t, tenantA, c.after)
			if l.ID != id || l.Phone != c.phone || l.UserID != c.user {
				t.Errorf("got lead %s with phone %q and user %q, want %s with %q and %q", l.ID, l.Phone, l.UserID, id, c.phone, c.user)
			}
			if l.WindowOpen(metaSales, now) {
				t.Error("got the window open for the new identity, want it closed until its first message")
			}
			h.meta(t, messages("n-sales", text(c.after, "wamid.2", minute(0), "it is me")))
			if l := h.lead(t, tenantA, c.after); !l.WindowOpen(metaSales, now) {
				t.Error("got the window closed after the first message, want it open")
			}
			if got := h.run(t, tenantA, run); got.Reason != followup.Replied {
				t.Errorf("got run %s %s, want replied", got.State, got.Reason)
			}
			if n := h.leads(t, tenantA); n != 1 {
				t.Errorf("got %d leads, want 1", n)
			}
		})
	}
	t.Run("before the first message", func(t *testing.T) {
		t.Parallel()
		// Only the notice ever says that both identities are one person.
		for _, c := range cases {
			h := newHarness(t, nil)
			h.meta(t, c.notice)
			h.meta(t, messages("n-sales", text(c.after, "wamid.2", minute(0), "it is me")))
			h.meta(t, messages("n-sales", text(c.before, "wamid.1", minute(-60), "delayed")))
			l := h.lead(t, tenantA, c.after)
			if n := h.leads(t, tenantA); n != 1 || l.Phone != c.phone || l.UserID != c.user {
				t.Errorf("%s: got %d leads with phone %q and user %q, want 1 with %q and %q", c.name, n, l.Phone, l.UserID, c.phone, c.user)
			}
			h.wantConversations(t, string(l.ID)+" wamid.s wamid.2 wamid.1")
		}
	})
}

// TestMentionsCreateNoLead: an event that mentions a contact by one identity creates no lead,
// because the contact has done nothing and there is no link that could be lost.
func TestMentionsCreateNoLead(t *testing.T) {
	t.Parallel()
	byPhone := followup.ContactLead(tenantA, followup.Identity{Phone: "15550100001"})
	for name, c := range map[string]struct {
		body string
		of   followup.LeadID
	}{
		"status":            {messages("n-sales", status("15550100001", "wamid.o", "sent", "")), byPhone},
		"status by user id": {messages("n-sales", status("US.1", "wamid.o", "sent", "")), followup.ContactLead(tenantA, followup.Identity{UserID: "US.1"})},
		"group":             {messages("n-sales", inGroup("g1", text("15550100001", "wamid.o", minute(-1), "x"))), followup.GroupLead(metaSales, "g1")},
		"echo":              {fieldOf("smb_message_echoes", "n-sales", echo("15550100001", "wamid.o")), byPhone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			h.meta(t, c.body)
			if n := h.leads(t, tenantA); n != 0 {
				t.Errorf("got %d leads, want none", n)
			}
			h.wantConversations(t, string(c.of)+" wamid.o")
		})
	}
}
