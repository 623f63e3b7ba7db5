package inbound

import (
	"fmt"
	"strings"
	"time"
)

// manner is how a tenant's leads write and how its assistant answers.
type manner int

// The manners.
const (
	calm     manner = iota // few messages, and an assistant that takes everything
	flooding               // far more messages than all others
	slow                   // an assistant that is slow, at times too slow
	failing                // an assistant that answers 500, 429, 503 or resets the connection
	picky                  // an assistant that rejects some messages for good
	raw                    // an assistant that wants webhooks as they came
)

// app is an app at Meta. It signs the webhooks of several tenants.
type app struct{ key, secret string }

var (
	mainApp   = &app{"main", "main-app-secret"}
	secondApp = &app{"second", "second-app-secret"}
)

// account is the WhatsApp Business account of all numbers at Meta.
const account = "300000000000001"

// tenant has one channel and one assistant.
type tenant struct {
	number int
	name   string
	manner manner
	app    *app // nil: the channel is at Gupshup
	leads  []*lead
}

func (t *tenant) id() string { return fmt.Sprintf("%08d-0000-4000-8000-000000000001", 10+t.number) }
func (t *tenant) assistant() string {
	return fmt.Sprintf("%08d-0000-4000-8000-0000000000a1", 10+t.number)
}

func (t *tenant) channel() string {
	return fmt.Sprintf("%08d-0000-4000-8000-0000000000c1", 10+t.number)
}
func (t *tenant) secret() string   { return t.name + "-assistant-secret" }
func (t *tenant) numberID() string { return fmt.Sprintf("4000000000000%02d", t.number) }
func (t *tenant) display() string  { return fmt.Sprintf("155501000%02d", t.number) }
func (t *tenant) appID() string    { return t.name + "_gupshup_app" }
func (t *tenant) appName() string  { return t.name + "App" }
func (t *tenant) token() string    { return t.name + "-callback-token" }

// replies reports whether the assistant sends the messages that statuses are about: at Meta every
// assistant does, at Gupshup only the calm one.
func (t *tenant) replies() bool { return t.app != nil || t.manner == calm }

// from returns the name of the channel in the path of the send call.
func (t *tenant) from() string {
	if t.app != nil {
		return t.numberID()
	}
	return t.channel()
}

// path returns the path of the tenant's webhooks.
func (t *tenant) path() string {
	if t.app != nil {
		return "/webhooks/meta/" + t.app.key
	}
	return "/webhooks/gupshup/" + t.channel()
}

// lead is one conversation.
type lead struct {
	tenant        *tenant
	number        int
	phone, userID string

	events int     // number of events planned so far
	about  string  // the message that statuses are about
	told   int     // number of statuses planned about it
	line   []*hook // hooks that wait for their turn; the first one's turn it is
}

// newCast returns the tenants, with the given number of leads for each manner.
func newCast(leads map[manner]int) []*tenant {
	tenants := []*tenant{
		{name: "calm", manner: calm, app: mainApp},
		{name: "quiet", manner: calm},
		{name: "flood", manner: flooding, app: mainApp},
		{name: "slow", manner: slow, app: secondApp},
		{name: "failing", manner: failing, app: mainApp},
		{name: "picky", manner: picky},
		{name: "raw", manner: raw, app: secondApp},
	}
	n := 0
	for i, t := range tenants {
		t.number = i
		for range leads[t.manner] {
			t.leads = append(t.leads, &lead{
				tenant: t, number: n, phone: fmt.Sprintf("1555%07d", n), userID: fmt.Sprintf("US.77331122%07d", n),
			})
			n++
		}
	}
	return tenants
}

func (t *tenant) format() string {
	if t.manner == raw {
		return "raw"
	}
	return "meta"
}

// operatorFile returns wagate's operator file. It is a sandbox because the assistants are on
// loopback; Redis and the clock are real. relay is how long an assistant may take. A delivery that
// was out when its wagate was killed comes again when its lease ends, and the lease is 15 s longer
// than relay.
func operatorFile(redisURL, durability, graph, assistants string, relay time.Duration, tenants []*tenant) string {
	var b strings.Builder
	fmt.Fprintf(&b, `listen: "127.0.0.1:0"
admin: "127.0.0.1:0"
sandbox: true
redis: {url: %q, durability: %q}
graph: {base_url: "http://%s", version: "v26.0"}
gupshup: {base_url: "http://%s", partner_base_url: "http://127.0.0.1:9"}
ai: {base_url: "http://127.0.0.1:9", api_key: "none", model: "none"}
relay: {timeout: %s}
meta_apps:
`, redisURL, durability, graph, graph, relay)
	for _, a := range []*app{mainApp, secondApp} {
		fmt.Fprintf(&b, "  - {key: %s, app_secret: %q, verify_token: verify}\n", a.key, a.secret)
	}
	b.WriteString("tenants:\n")
	for _, t := range tenants {
		fmt.Fprintf(&b, `  - id: %s
    name: %s
    api_keys: ["%s-api-key"]
    assistants:
      - {id: %s, name: Sales, url: "http://%s/%d", secret: %q, format: %s}
    channels:
      - {id: %s, name: WhatsApp, assistant_id: %s, `,
			t.id(), t.name, t.name, t.assistant(), assistants, t.number, t.secret(), t.format(), t.channel(), t.assistant())
		if t.app != nil {
			fmt.Fprintf(&b, "provider: meta, app: %s, phone_number_id: %q, waba_id: %q, access_token: token}\n",
				t.app.key, t.numberID(), account)
		} else {
			fmt.Fprintf(&b, "provider: gupshup, app_id: %q, app_name: %q, source: %q, api_key: key, callback_token: %q}\n",
				t.appID(), t.appName(), t.display(), t.token())
		}
	}
	return b.String()
}
