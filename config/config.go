package config

import (
	"net/netip"
	"net/url"
	"time"
)

// Config is the operator's file, checked and complete.
//
// A secret that two sides share is a list, so that it can be rotated: both sides
// never change at the same instant. What is presented to us may be any of the
// list; what we present or sign with one secret alone is the first. In the file
// a single value stands for a list of one.
type Config struct {
	// Listen is the address of the public listener: webhooks, outbound API and
	// /backend. Default 127.0.0.1:8080; port 0 takes any free one.
	Listen string `yaml:"listen"`
	// Admin is the address of the listener for metrics, health and the
	// operator's API. Default 127.0.0.1:9090; port 0 takes any free one.
	Admin string `yaml:"admin"`
	// AdminTokens guard the operator's API: any lets in, and the first is what our
	// own commands present. Required unless Admin is loopback.
	AdminTokens []Secret `yaml:"admin_token,omitempty"`
	// TrustedProxies are the networks whose word in X-Forwarded-For is believed; an
	// address is a network of one. Default none: then it is private addresses that are.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies,omitempty"`
	// Sandbox allows the embedded Redis, a fast clock, and plain http and
	// private addresses as targets. Default false.
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

// Clock is the domain's clock.
type Clock struct {
	// Speed is how many seconds of domain time pass in a second. Default 1,
	// up to 1000000; other than 1 only in a sandbox.
	Speed float64 `yaml:"speed"`
}

// Graph is Meta's Graph API.
type Graph struct {
	// BaseURL defaults to https://graph.facebook.com.
	BaseURL *url.URL `yaml:"base_url"`
	// Version is the version used for our own calls, as v26.0 (the default).
	Version string `yaml:"version"`
}

// Gupshup is Gupshup's two APIs.
type Gupshup struct {
	// BaseURL is the self-serve API. Default https://api.gupshup.io.
	BaseURL *url.URL `yaml:"base_url"`
	// PartnerBaseURL is the partner API, for channels with `api: v3`. Default
	// https://partner.gupshup.io.
	PartnerBaseURL *url.URL `yaml:"partner_base_url"`
}

// AI is the OpenAI-compatible service that writes follow-up texts.
type AI struct {
	// BaseURL is what /chat/completions is appended to. Required.
	BaseURL *url.URL `yaml:"base_url"`
	// APIKey is required outside of a sandbox.
	APIKey Secret `yaml:"api_key,omitzero"`
	// Model is the model's name there. Required.
	Model string `yaml:"model"`
	// Timeout bounds one call. Default 20s, between 100ms and 1m: a step's
	// lease has to outlast the calls made for it.
	Timeout time.Duration `yaml:"timeout"`
}

// FollowUp is what operators may set about follow-up.
type FollowUp struct {
	// MaxLateness is how late a step may be sent after the service was down.
	// Default 6h, between 1m and 720h.
	MaxLateness time.Duration `yaml:"max_lateness"`
	// OptOutWords replaces the built-in list of words that opt a lead out when
	// they are all of a message. Nil: the built-in list.
	OptOutWords []string `yaml:"opt_out_words,omitempty"`
}

// API limits the tenants' API.
type API struct {
	// RatePerMinute is how many /backend requests a key may make in a minute, at
	// most 1000000. Default 0: no limit.
	RatePerMinute int `yaml:"rate_per_minute"`
}

// Relay is how events are delivered to assistants.
type Relay struct {
	// AllowPrivate allows assistants on loopback and private addresses.
	// Default false; a sandbox allows them anyway.
	AllowPrivate bool `yaml:"allow_private"`
	// Timeout bounds one delivery. Default 10s, between 100ms and 1m.
	Timeout time.Duration `yaml:"timeout"`
	// MaxEvents is how many events of a conversation a delivery holds at most. Default
	// 20, between 1 and 20. Many bots read the first of a request only: they need 1.
	MaxEvents int `yaml:"max_events"`
	// MaxBacklog is how many events may wait for one assistant, those in dead letters
	// counted, of one lead a tenth of that (1000 at least), before webhooks with more are answered 503, to be sent
	// again later. Where leads are spread unevenly, up to twice as many may. A text
	// takes some 0.6 KB of Redis. Default 100000, between 1 and 100000000.
	MaxBacklog int `yaml:"max_backlog"`
}

// Send is how messages are sent to providers.
type Send struct {
	// Timeout bounds one call to a provider. Default 15s, between 1s and 15s: what
	// a stop waits for outlasts it. The leases of steps follow from it and from
	// AI.Timeout, so it also says how soon after a crash its steps go on.
	Timeout time.Duration `yaml:"timeout"`
}

// MetaApp is an app at Meta whose webhooks come to /webhooks/meta/{key}.
type MetaApp struct {
	// Key names the app in the URL and in channels: letters, digits, - and _.
	Key string `yaml:"key"`
	// AppSecrets are the secrets that may have signed a webhook: one, or several
	// while rotating.
	AppSecrets []Secret `yaml:"app_secret"`
	// VerifyTokens are what the handshake may present.
	VerifyTokens []Secret `yaml:"verify_token"`
}

// Tenant is a customer of the platform.
type Tenant struct {
	// ID is a UUID; like every id here, in lower case.
	ID   string `yaml:"id"`
	Name string `yaml:"name"`
	// APIKeys are the digests of the tenant's keys, each unique in the file.
	APIKeys []KeyDigest `yaml:"api_keys"`
	// CRMSecrets may sign lead events. Without any that route is 404.
	CRMSecrets []Secret    `yaml:"crm_secret,omitempty"`
	Assistants []Assistant `yaml:"assistants"`
	Channels   []Channel   `yaml:"channels"`
}

// Assistant is an AI agent behind a URL.
type Assistant struct {
	ID   string `yaml:"id"`
	Name string `yaml:"name"`
	// URL receives the events: https, and a public address, outside of a sandbox.
	URL *url.URL `yaml:"url"`
	// Secrets sign what is relayed; behind whsec_ is base64. X-Hub-Signature-256
	// has room for one signature, by the first; webhook-signature carries one by
	// each.
	Secrets []Secret `yaml:"secret"`
	// Instructions say how the assistant speaks. Default none.
	Instructions string `yaml:"instructions,omitempty"`
	// History has history imports (WhatsApp Business app coexistence) relayed, up
	// to half a year of old messages. Default false: they are dropped.
	History bool `yaml:"history,omitempty"`
	// Format is the shape of the relayed events: meta (the default) or raw.
	Format Format `yaml:"format"`
}

// Format is a shape of relayed events.
type Format string

// The formats.
const (
	// FormatMeta is the shape of Meta's webhooks, whoever the provider is.
	FormatMeta Format = "meta"
	// FormatRaw is the provider's webhook as it came, body and headers, or what of
	// it is the conversation's. Follow-up happenings come in Meta's shape.
	FormatRaw Format = "raw"
)

// Provider names who carries a channel.
type Provider string

// The providers.
const (
	ProviderMeta    Provider = "meta"
	ProviderGupshup Provider = "gupshup"
)

// GupshupAPI is which of Gupshup's APIs a channel sends through.
type GupshupAPI string

// The APIs of Gupshup.
const (
	GupshupV2 GupshupAPI = "v2" // self-serve, the default
	GupshupV3 GupshupAPI = "v3" // partner, in Meta's format
)

// Channel is one WhatsApp number at one provider. The fields of the other
// provider are zero.
type Channel struct {
	ID       string   `yaml:"id"`
	Name     string   `yaml:"name"`
	Provider Provider `yaml:"provider"`
	// AssistantID is an assistant of the same tenant.
	AssistantID string `yaml:"assistant_id"`

	// App is the key of the Meta app whose webhooks carry the channel's events.
	App string `yaml:"app,omitempty"`
	// PhoneNumberID is Meta's id of the number, once in the file.
	PhoneNumberID string `yaml:"phone_number_id,omitempty"`
	// WABAID is Meta's id of the account the number is in.
	WABAID string `yaml:"waba_id,omitempty"`
	// AccessToken is for calls to Meta.
	AccessToken Secret `yaml:"access_token,omitzero"`

	// AppID and AppName are the app's id and name at Gupshup.
	AppID   string `yaml:"app_id,omitempty"`
	AppName string `yaml:"app_name,omitempty"`
	// Source is the number in digits, once per AppID.
	Source string `yaml:"source,omitempty"`
	// API is the one the channel sends through. Events of both are taken.
	API GupshupAPI `yaml:"api,omitempty"`
	// APIKey is for the self-serve API; required with v2.
	APIKey Secret `yaml:"api_key,omitzero"`
	// PartnerToken is the Authorization header of the partner API as it stands: a legacy app
	// token alone, a universal one behind "Bearer "; required with v3.
	PartnerToken Secret `yaml:"partner_token,omitzero"`
	// CallbackTokens are what Gupshup's callbacks may present.
	CallbackTokens []Secret `yaml:"callback_token,omitempty"`
}
