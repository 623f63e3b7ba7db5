package ingest

import "fmt"

// The tenant of the operator's file.
const (
	tenantID      = "10000000-0000-4000-8000-000000000001"
	assistantID   = "10000000-0000-4000-8000-0000000000a1"
	channelID     = "10000000-0000-4000-8000-0000000000c1"
	assistantPath = "/whatsapp"
)

// operatorFile is one tenant with one channel and one assistant. It is a sandbox
// because the assistant is on loopback; Redis and the clock are real.
func operatorFile(redisURL, assistant string) string {
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
`, redisURL, appKey, appSecret, tenantID, assistantID, "http://"+assistant+assistantPath,
		channelID, appKey, numberID, accountID, assistantID)
}
