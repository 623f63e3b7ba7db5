package bench

import (
	"context"
	"fmt"

	"wagate/scripts/internal/proc"
)

// The one app, account and number at Meta.
const (
	AppKey    = "main"
	AppSecret = "main-app-secret"
	AccountID = "300000000000001"
	NumberID  = "400000000000001"
)

// AssistantPath is the path at which the assistant takes events.
const AssistantPath = "/whatsapp"

// Tenant is the only tenant of an operator's file, with one assistant and one channel.
type Tenant struct{ ID, Assistant, Channel string }

// StartWagate starts the binary under test for a tenant whose assistant is at the given address,
// host:port.
func (b *Bench) StartWagate(ctx context.Context, redis *proc.Redis, assistant string, t Tenant) (*proc.Wagate, error) {
	file, err := b.WriteFile("operator.yaml", []byte(operatorFile(redis.URL, assistant, t)))
	if err != nil {
		return nil, err
	}
	return b.Group.StartWagate(ctx, b.Wagate, file)
}

// operatorFile returns the operator's file. It is a sandbox because the assistant is on loopback;
// Redis and the clock are real.
func operatorFile(redisURL, assistant string, t Tenant) string {
	return fmt.Sprintf(`listen: "127.0.0.1:0"
admin: "127.0.0.1:0"
sandbox: true
redis: {url: %q, durability: everysec}
relay: {max_backlog: 100000000}
graph: {base_url: "http://127.0.0.1:9", version: "v26.0"}
ai: {base_url: "http://127.0.0.1:9", api_key: "none", model: "none"}
meta_apps:
  - {key: %s, app_secret: %q, verify_token: "verify"}
tenants:
  - id: %s
    name: Bench
    api_keys: ["bench-api-key"]
    assistants:
      - {id: %s, name: Sales, url: %q, secret: "assistant-secret"}
    channels:
      - {id: %s, name: WhatsApp, provider: meta, app: %s, phone_number_id: %q, waba_id: %q,
         access_token: "token", assistant_id: %s}
`, redisURL, AppKey, AppSecret, t.ID, t.Assistant, "http://"+assistant+AssistantPath,
		t.Channel, AppKey, NumberID, AccountID, t.Assistant)
}
