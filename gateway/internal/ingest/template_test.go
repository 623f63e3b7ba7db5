package ingest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/webhook"
)

// templateNotice returns an entry of an account with a notice about a template.
func templateNotice(account, field, said string) string {
	return `{"id":"` + account + `","changes":[{"field":"` + field + `","value":{"message_template_name":"visit","message_template_language":"en",` +
		said + `}}]}`
}

// TestTemplateWordsAreBounded: whatever a notice says of a template, what is stored of it is short.
func TestTemplateWordsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	long := strings.Repeat("X", 5000)
	h.meta(t, envelope(templateNotice(waba, "message_template_status_update", `"event":"`+long+`"`),
		templateNotice(waba, "template_category_update", `"new_category":"`+long+`"`),
		templateNotice(waba, "message_template_quality_update", `"new_quality_score":"`+long+`"`)))
	if len(h.tmpl) != 3 {
		t.Fatalf("got %d noted, want 3", len(h.tmpl))
	}
	for i, n := range h.tmpl {
		words := []string{n.change.Status, n.change.Category, n.change.Quality}
		for j, got := range words {
			if want := map[bool]int{true: maxTemplateWord}[i == j]; len(got) != want {
				t.Errorf("notice %d: got a word of %d bytes, want %d", i, len(got), want)
			}
		}
	}
}

// TestI12TemplatesAreNotedInRealTime: a notice without a time counts as of now, in real time: the
// clock of the domain may run fast.
func TestI12TemplatesAreNotedInRealTime(t *testing.T) {
	t.Parallel()
	real := now.Add(-48 * time.Hour)
	h := newHarness(t, func(p *Params) { p.Real = func() time.Time { return real } })
	h.meta(t, envelope(templateNotice(waba, "message_template_status_update", `"event":"PAUSED"`)))
	if len(h.tmpl) != 1 || !h.tmpl[0].at.Equal(real) {
		t.Errorf("got noted %+v, want once at %v", h.tmpl, real)
	}
}

// TestI1OneAccountsTemplatesNotKept: if what is said about one account's templates cannot be
// stored, that about another's is, and the body is not acknowledged.
func TestI1OneAccountsTemplatesNotKept(t *testing.T) {
	t.Parallel()
	for _, fails := range []followup.ChannelID{metaSales, "second"} {
		var noted []followup.ChannelID
		h := newHarness(t, func(p *Params) {
			p.Channels = append(p.Channels, followup.Channel{
				ID: "second", Tenant: tenantA, Provider: "meta", Assistant: sales, Number: "n-second", Account: "310000000000002",
			})
			p.MetaBinding["second"] = "main"
			p.NoteTemplates = func(_ context.Context, c followup.Channel, _ []followup.TemplateSaid) error {
				noted = append(noted, c.ID)
				if c.ID == fails {
					return errAway
				}
				return nil
			}
		})
		err := h.postMeta(t.Context(), envelope(templateNotice(waba, "message_template_status_update", `"event":"PAUSED"`),
			templateNotice("310000000000002", "message_template_status_update", `"event":"PAUSED"`)))
		if !errors.Is(err, webhook.ErrUnavailable) || !slices.Equal(noted, []followup.ChannelID{metaSales, "second"}) {
			t.Errorf("%s fails: got %v with %v noted, want ErrUnavailable with both", fails, err, noted)
		}
	}
}
