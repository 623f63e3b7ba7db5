package gupshup

import (
	"encoding/json"
	"testing"
)

// TestPriceInMetaForm checks that a relayed status has its conversation and pricing under the Cloud
// API's names and with its types.
func TestPriceInMetaForm(t *testing.T) {
	t.Parallel()
	report := func(beside, inside string) string {
		return `{"app":"NorthBikes","timestamp":1790000001234,"version":2,"type":"message-event","payload":{"id":"w1","gsId":"g1",` +
			`"type":"sent","destination":"15550163377","payload":{"ts":1790000003` + inside + `}` + beside + `}}`
	}
	tests := []struct{ name, beside, inside, conversation, pricing string }{
		{
			"beside the payload",
			`,"conversation":{"id":"cv1","expiresAt":1790086403,"type":"utility"},"pricing":{"policy":"PMP","category":"utility","type":"regular"}`, "",
			`{"expiration_timestamp":"1790086403","id":"cv1","origin":{"type":"utility"}}`,
			`{"category":"utility","pricing_model":"PMP","type":"regular"}`,
		},
		{
			"in the payload",
			"", `,"conversation":{"id":"cv1","expiresAt":"1790086403000","more":{"type":1}},"pricing":{"pricing_model":"PMP","billable":true}`,
			`{"expiration_timestamp":"1790086403","id":"cv1","more":{"type":1}}`,
			`{"billable":true,"pricing_model":"PMP"}`,
		},
		{"an unreadable expiry", `,"conversation":{"id":"cv1","expiresAt":"soon","origin":{"type":"service"}}`, "", `{"id":"cv1","origin":{"type":"service"}}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in, err := Decode([]byte(report(tt.beside, tt.inside)), testOptions)
			if err != nil || len(in.Events) != 1 {
				t.Fatalf("got %d events, %v, want one", len(in.Events), err)
			}
			var v struct {
				Statuses []struct{ Conversation, Pricing json.RawMessage }
			}
			if err := json.Unmarshal(in.Events[0].Value, &v); err != nil || len(v.Statuses) != 1 {
				t.Fatalf("got %s, %v, want a status", in.Events[0].Value, err)
			}
			if got := string(v.Statuses[0].Conversation); got != tt.conversation {
				t.Errorf("conversation: got %s, want %s", got, tt.conversation)
			}
			if got := string(v.Statuses[0].Pricing); got != tt.pricing {
				t.Errorf("pricing: got %s, want %s", got, tt.pricing)
			}
		})
	}
}
