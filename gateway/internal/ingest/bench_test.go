package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/followup"
	"wagate/providers"
)

// acceptingStore accepts everything and stores nothing.
type acceptingStore struct{ Store }

func (acceptingStore) Resolve(_ context.Context, _ followup.TenantID, who followup.Identity, _ bool, _ time.Time) (followup.LeadID, error) {
	return followup.LeadID(who.Phone), nil
}

func (acceptingStore) Settle(_ context.Context, s followup.Settlement) (followup.Settled, error) {
	return followup.Settled{Fresh: make([]bool, len(s.Items))}, nil
}

// BenchmarkMeta measures what taking in a webhook costs without the store: one text, and a hundred
// texts of twenty leads in one body.
func BenchmarkMeta(b *testing.B) {
	registry := prometheus.NewPedanticRegistry()
	in := New(Params{
		Store:       acceptingStore{},
		Channels:    []followup.Channel{{ID: metaSales, Tenant: tenantA, Provider: providers.Meta, Assistant: sales, Number: "n-sales", Account: waba}},
		Apps:        map[string]App{"main": {Secrets: []string{"new-unit-secret"}}},
		MetaBinding: map[followup.ChannelID]string{metaSales: "main"},
		OptOutWords: followup.NewOptOutWords(followup.DefaultOptOutWords()),
		Steps:       followup.NewMetrics(registry),
		Logger:      slog.New(slog.DiscardHandler),
		Metrics:     registry,
	})
	text := func(lead, n int) string {
		return fmt.Sprintf(`{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"n-sales"},`+
			`"contacts":[{"profile":{"name":"Noor"},"wa_id":"1555%07d","user_id":"US.%07d"}],"messages":[{"from":"1555%07d",`+
			`"from_user_id":"US.%07d","id":"wamid.%d","timestamp":"1790000001","type":"text","text":{"body":"%s"}}]}}`,
			lead, lead, lead, lead, n, strings.Repeat(`Ol\u00e1, a mesa vem junto? `, 34))
	}
	for name, n := range map[string]int{"text": 1, "batch": 100} {
		b.Run(name, func(b *testing.B) {
			var changes []string
			for i := range n {
				changes = append(changes, text(i%20, i))
			}
			body := `{"object":"whatsapp_business_account","entry":[{"id":"` + waba + `","changes":[` + strings.Join(changes, ",") + `]}]}`
			signature := sign("new-unit-secret", body)
			none := func(string) string { return "" }
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := in.Meta(b.Context(), "main", signature, none, []byte(body)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
