package config

import (
	"net/netip"
	"net/url"
	"time"
)

// Config is the operator's file, validated, with all defaults filled in.
//
// A secret shared with another side is a list, so that it can be rotated: the two sides never
// change at the same instant. A secret presented to wagate may be any of the list. Where wagate
// presents or signs with one secret only, it uses the first. In the file, a single value stands for
// a list of one.
type Config struct {
	// Listen is the address of the public listener: webhooks, outbound API and /backend. Default
	// 127.0.0.1:8080. Port 0 takes any free port.
	Listen string `yaml:"listen"`
	// Admin is the address of the listener for metrics, health and the operator's API. Default
	// 127.0.0.1:9090. Port 0 takes any free port.
	Admin string `yaml:"admin"`
	// AdminTokens guard the operator's API. Any of them is accepted; wagate's own commands present
	// the first. Required unless Admin is a loopback address.
	AdminTokens []Secret `yaml:"admin_token,omitempty"`
	// TrustedProxies are the networks whose X-Forwarded-For is believed. An address is a network of
	// one. Default none, which means that private addresses are believed.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies,omitempty"`
	// Sandbox allows the embedded Redis, a clock speed other than 1, and plain http and private
	// addresses as targets. Default false.
	Sandbox bool `yaml:"sandbox"`

	Clock    Clock     `yaml:"clock"`
	Redis    Redis     `yaml:"redis"`
	Graph    Graph     `yaml:"graph"`
	Gupshup  Gupshup   `yaml:"gupshup"`
	AI       AI        `yaml:"ai"`
	FollowUp FollowUp  `yaml:"followup"`
	API      API       `yaml:"api"`
	Relay    Relay     `yaml:"relay"`
	Send     Send      `yaml:"send"`
	MetaApps []MetaApp `yaml:"meta_apps"`
	Tenants  []Tenant  `yaml:"tenants"`
}

// Clock configures the domain clock.
type Clock struct {
	// Speed is the number of seconds of domain time per second of real time. Default 1, greater
	// than 0, at most 1000000. Only a sandbox allows a value other than 1.
	Speed float64 `yaml:"speed"`
}

// Graph configures calls to Meta's Graph API.
type Graph struct {
	// BaseURL defaults to https://graph.facebook.com.
	BaseURL *url.URL `yaml:"base_url"`
	// Version is the API version of wagate's own calls. Default v26.0.
	Version string `yaml:"version"`
}

// Gupshup configures calls to Gupshup's two APIs.
type Gupshup struct {
	// BaseURL is the base URL of the self-serve API. Default https://api.gupshup.io.
	BaseURL *url.URL `yaml:"base_url"`
	// PartnerBaseURL is the base URL of the partner API, used by channels with `api: v3`. Default
	// https://partner.gupshup.io.
	PartnerBaseURL *url.URL `yaml:"partner_base_url"`
}

// AI configures the OpenAI-compatible service that writes follow-up texts.
type AI struct {
	// BaseURL is the URL that /chat/completions is appended to. Required.
	BaseURL *url.URL `yaml:"base_url"`
	// APIKey is required unless Sandbox is set.
	APIKey Secret `yaml:"api_key,omitzero"`
	// Model is the service's name of the model. Required.
	Model string `yaml:"model"`
	// Timeout bounds one call. Default 20s, between 100ms and 1m. It is bounded because the lease
	// of a step must outlast the calls made for it.
	Timeout time.Duration `yaml:"timeout"`
}

// FollowUp configures the follow-up engine.
type FollowUp struct {
	// MaxLateness is how late a due step may still be sent, for example after the service was down.
	// Default 6h, between 1m and 720h.
	MaxLateness time.Duration `yaml:"max_lateness"`
	// OptOutWords replaces the built-in list of words that opt a lead out if a message consists of
	// nothing else. Nil means the built-in list.
	OptOutWords []string `yaml:"opt_out_words,omitempty"`
}

// API configures the tenants' API.
type API struct {
	// RatePerMinute is how many /backend requests one API key may make per minute, at most 1000000.
	// Default 0, which means no limit.
	RatePerMinute int `yaml:"rate_per_minute"`
}

// Relay configures the delivery of events to assistants.
type Relay struct {
	// AllowPrivate allows assistants on loopback and private addresses. Default false. A sandbox
	// allows them in any case.
	AllowPrivate bool `yaml:"allow_private"`
	// Timeout bounds one delivery. Default 10s, between 100ms and 1m.
	Timeout time.Duration `yaml:"timeout"`
	// MaxEvents is the most events of one conversation that a delivery contains. Default 20,
	// between 1 and 20. Many bots read only the first event of a request; they need 1.
	MaxEvents int `yaml:"max_events"`
	// MaxBacklog is how many events may wait for one assistant, including those in dead letters.
	// One lead may have a tenth of that, but at least 1000. Beyond the limit, webhooks with more
	// events are answered 503, so that the provider sends them again later. If leads are spread
	// unevenly, up to twice as many events may wait. A waiting text takes about 0.6 KB of Redis
	// memory. Default 100000, between 1 and 100000000.
	MaxBacklog int `yaml:"max_backlog"`
}

// Send configures calls to the providers.
type Send struct {
	// Timeout bounds one call to a provider. Default 15s, between 1s and 15s; the upper bound keeps
	// it below the time that a stop waits. The leases of steps are derived from it and from
	// AI.Timeout, so it also affects how soon after a crash the unfinished steps go on.
	Timeout time.Duration `yaml:"timeout"`
}

// MetaApp is an app at Meta. Its webhooks arrive at /webhooks/meta/{key}.
type MetaApp struct {
	// Key names the app in the URL and in the channels. 1 to 128 letters, digits, - and _.
	Key string `yaml:"key"`
	// AppSecrets are the secrets that a webhook may be signed with; several during a rotation.
	AppSecrets []Secret `yaml:"app_secret"`
	// VerifyTokens are the tokens that the handshake may present.
	VerifyTokens []Secret `yaml:"verify_token"`
}

// Tenant is a customer of the platform.
type Tenant struct {
	// ID is a UUID. Like all UUIDs of the file it is kept in lower case.
	ID   string `yaml:"id"`
	Name string `yaml:"name"`
	// APIKeys are the digests of the tenant's API keys. Each key occurs once in the file.
	APIKeys []KeyDigest `yaml:"api_keys"`
	// CRMSecrets are the secrets that lead events may be signed with. Without one, the CRM webhook
	// of the tenant answers 404.
	CRMSecrets []Secret    `yaml:"crm_secret,omitempty"`
	Assistants []Assistant `yaml:"assistants"`
	Channels   []Channel   `yaml:"channels"`
}

// Assistant is an AI agent behind a URL.
type Assistant struct {
	ID   string `yaml:"id"`
	Name string `yaml:"name"`
	// URL receives the events. Outside a sandbox it must be https and, unless Relay.AllowPrivate is
	// set, a public address.
	URL *url.URL `yaml:"url"`
	// Secrets sign the deliveries. A secret that begins with whsec_ continues in base64. The
	// X-Hub-Signature-256 header holds one signature, made with the first secret; webhook-signature
	// holds one for each secret.
	Secrets []Secret `yaml:"secret"`
	// Instructions describe how the assistant speaks, for the writer of follow-up texts. Default
	// none.
	Instructions string `yaml:"instructions,omitempty"`
	// History relays history imports (WhatsApp Business app coexistence), which hold up to half a
	// year of old messages. Default false: they are dropped.
	History bool `yaml:"history,omitempty"`
	// Format is the shape of the relayed events. Default meta.
	Format Format `yaml:"format"`
}

// Format is a shape of relayed events.
type Format string

// The formats of relayed events.
const (
	// FormatMeta is the shape of Meta's webhooks, for every provider.
	FormatMeta Format = "meta"
	// FormatRaw is the provider's webhook as received, body and headers, reduced to the
	// conversation's items if it has others. Follow-up events have Meta's shape.
	FormatRaw Format = "raw"
)

// Provider names the provider that carries a channel.
type Provider string

// The providers.
const (
	ProviderMeta    Provider = "meta"
	ProviderGupshup Provider = "gupshup"
)

// GupshupAPI is the Gupshup API that a channel sends through.
type GupshupAPI string

// The Gupshup APIs.
const (
	GupshupV2 GupshupAPI = "v2" // self-serve API, the default
	GupshupV3 GupshupAPI = "v3" // partner API, in Meta's format
)

// Channel is one WhatsApp number at one provider. The fields of the other provider are zero.
type Channel struct {
	ID       string   `yaml:"id"`
	Name     string   `yaml:"name"`
	Provider Provider `yaml:"provider"`
	// AssistantID is the id of an assistant of the same tenant.
	AssistantID string `yaml:"assistant_id"`

	// App is the key of the Meta app whose webhooks carry the channel's events.
	App string `yaml:"app,omitempty"`
	// PhoneNumberID is Meta's id of the number. It occurs once in the file.
	PhoneNumberID string `yaml:"phone_number_id,omitempty"`
	// WABAID is Meta's id of the account that the number belongs to.
	WABAID string `yaml:"waba_id,omitempty"`
	// AccessToken authorises calls to Meta.
	AccessToken Secret `yaml:"access_token,omitzero"`

	// AppID and AppName are the app's id and name at Gupshup.
	AppID   string `yaml:"app_id,omitempty"`
	AppName string `yaml:"app_name,omitempty"`
	// Source is the number in digits. It occurs once per AppID.
	Source string `yaml:"source,omitempty"`
	// API is the API that the channel sends through. Events of both APIs are accepted.
	API GupshupAPI `yaml:"api,omitempty"`
	// APIKey authorises calls to the self-serve API. Required with v2.
	APIKey Secret `yaml:"api_key,omitzero"`
	// PartnerToken is the Authorization header for the partner API, sent as it stands: a legacy app
	// token alone, a universal app token after "Bearer ". Required with v3.
	PartnerToken Secret `yaml:"partner_token,omitzero"`
	// CallbackTokens are the tokens that Gupshup's callbacks may present.
	CallbackTokens []Secret `yaml:"callback_token,omitempty"`
}
