package timers

import "fmt"

// operatorFile is the operator's file of the idle replica: a tenant of those whose
// steps are pending. It is a sandbox because the assistant is on loopback.
func operatorFile(redisURL, assistant string) string {
	return fmt.Sprintf(`listen: "127.0.0.1:0"
admin: "127.0.0.1:0"
sandbox: true
redis: {url: %q, durability: everysec}
graph: {base_url: "http://127.0.0.1:9", version: "v26.0"}
ai: {base_url: "http://127.0.0.1:9", api_key: "none", model: "none"}
meta_apps:
  - {key: main, app_secret: "secret", verify_token: "verify"}
tenants:
  - id: %s
    name: Acme
    api_keys: ["bench-api-key"]
    assistants:
      - {id: %s, name: Sales, url: %q, secret: "assistant-secret"}
    channels:
      - {id: %s, name: WhatsApp, provider: meta, app: main, phone_number_id: "106540352242922", waba_id: "102290129340398",
         access_token: "token", assistant_id: %s}
`, redisURL, tenantOf(0), assistantOf(0), "http://"+assistant+"/whatsapp", channelOf(0), assistantOf(0))
}
