package demo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wagate/config"
)

// show prints the account: what became of every step, and the metrics.
func (s *story) show(ctx context.Context, l ledger) {
	s.narrator.chapter("What was sent, what was not, and why")
	s.narrator.print("")
	rows := [][]string{{"lead", "through", "step", "due", "happened", "outcome (reason)", "in the provider's own log"}}
	for _, p := range s.book.people {
		for _, run := range l.runs[p] {
			for _, m := range run.Timeline {
				at := "—"
				if !m.At.IsZero() {
					at = s.narrator.stamp(m.At)
				}
				logged := "nothing"
				if a, ok := l.arrivals[m.MessageID]; ok && m.MessageID != "" {
					at, logged = s.narrator.stamp(a.at), a.kind+" at "+s.narrator.stamp(a.at)
				}
				rows = append(rows, []string{
					p.first() + " " + masked(p.phone), p.provider(), strconv.Itoa(m.Step),
					s.narrator.stamp(m.DueAt), at, outcome(m), logged,
				})
			}
		}
	}
	s.narrator.print(table(rows)...)
	m, err := s.tenant.metrics(ctx)
	if err != nil {
		s.problem("%v", err)
		return
	}
	s.narrator.chapter("The same in wagate's metrics")
	s.narrator.print("")
	s.narrator.print(table(numbers(m, s.real))...)
}

// numbers returns the rows for the metrics that tell the story once more.
func numbers(m metrics, real func(time.Duration) time.Duration) [][]string {
	row := func(what, name string, labels ...string) []string {
		series := name
		if len(labels) > 0 {
			series += "{" + strings.Join(labels, ",") + "}"
		}
		return []string{strconv.Itoa(m.sum(name, labels...)), what, series}
	}
	const (
		steps = "wagate_followup_steps_total"
		sends = "wagate_sends_total"
	)
	sent := label("outcome", "sent")
	rows := [][]string{
		row("webhooks accepted from Meta", "wagate_webhook_requests_total", label("provider", "meta"), label("outcome", "ok")),
		row("webhooks accepted from Gupshup", "wagate_webhook_requests_total", label("provider", "gupshup"), label("outcome", "ok")),
		row("deliveries to the assistant", "wagate_relay_deliveries_total", label("outcome", "delivered")),
		row("follow-ups by AI", steps, label("outcome", "sent"), label("reason", "ai")),
		row("follow-ups by template", steps, label("outcome", "sent"), label("reason", "template")),
		row("follow-ups cancelled by a reply", steps, label("outcome", "cancelled"), label("reason", "replied")),
		row("follow-ups skipped", steps, label("outcome", "skipped")),
		row("follow-ups failed", steps, label("outcome", "failed")),
		row("texts dropped by the last check", "wagate_followup_claims_lost_total"),
		row("messages sent through Meta", sends, label("provider", string(config.ProviderMeta)), sent),
		row("messages sent through Gupshup", sends, label("provider", string(config.ProviderGupshup)), sent),
		row("requests to the model", "wagate_ai_requests_total"),
		row("tokens that it read and wrote", "wagate_ai_tokens_total"),
		row("windows open now", "wagate_windows_open"),
	}
	if n := m.sum("wagate_followup_lateness_seconds_count"); n > 0 {
		late := float64(m.sum("wagate_followup_lateness_seconds_sum")) / float64(n) * float64(time.Second)
		rows = append(rows, []string{
			fmt.Sprintf("%d ms", real(time.Duration(late)).Milliseconds()), "average lateness of a follow-up, real time", "wagate_followup_lateness_seconds",
		})
	}
	return rows
}
