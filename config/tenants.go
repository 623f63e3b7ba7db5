package config

import (
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

func readMetaApps(root *object) []MetaApp {
	seen := places{}
	var apps []MetaApp
	for _, o := range objects(root, "meta_apps") {
		a := MetaApp{
			Key:          need(o, "key", name("a name for the app")),
			AppSecrets:   needList(o, "app_secret", secret("the app's secret, or a list while rotating")),
			VerifyTokens: needList(o, "verify_token", secret("the token of the handshake, or a list while rotating")),
		}
		seen.once(o, "key", a.Key)
		o.end()
		apps = append(apps, a)
	}
	return apps
}

// places maps a value that may occur only once in the file to the path where it was first seen.
type places map[string]string

// once reports a value that was seen before. The problem shows the two places, not the value.
func (p places) once(o *object, key, value string) {
	if value == "" {
		return // missing or wrong, which has been reported
	}
	if first, twice := p[value]; twice {
		o.report(key, "same as %s, want each only once in the file", first)
		return
	}
	p[value] = o.at(key)
}

// directory reads the tenants and tracks what must be unique across them.
type directory struct {
	config     Config
	apps       map[string]bool
	tenants    places
	keys       places
	assistants places
	channels   places
	numbers    places
}

func readTenants(root *object, c Config) []Tenant {
	d := directory{
		config: c, apps: map[string]bool{},
		tenants: places{}, keys: places{}, assistants: places{}, channels: places{}, numbers: places{},
	}
	for _, a := range c.MetaApps {
		d.apps[a.Key] = true
	}
	var tenants []Tenant
	for _, o := range objects(root, "tenants") {
		tenants = append(tenants, d.tenant(o))
	}
	if !root.has("tenants") || len(tenants) == 0 && kindOf(root.fields["tenants"]) == "a list" {
		root.report("tenants", "missing, want at least one")
	}
	return tenants
}

func (d *directory) tenant(o *object) Tenant {
	t := Tenant{
		ID:      need(o, "id", uuid()),
		Name:    need(o, "name", text("the tenant's name")),
		APIKeys: d.apiKeys(o),
	}
	if o.has("crm_secret") {
		t.CRMSecrets = needList(o, "crm_secret", secret("the secret of the CRM's webhook, a list while rotating, or the key left out"))
	}
	d.tenants.once(o, "id", t.ID)
	own := map[string]bool{}
	for _, a := range objects(o, "assistants") {
		assistant := d.assistant(a)
		own[assistant.ID] = true
		t.Assistants = append(t.Assistants, assistant)
	}
	for _, ch := range objects(o, "channels") {
		channel := d.channel(ch)
		if channel.AssistantID != "" && !own[channel.AssistantID] {
			ch.report("assistant_id", "got %s, want the id of an assistant of this tenant", channel.AssistantID)
		}
		t.Channels = append(t.Channels, channel)
	}
	o.end()
	return t
}

func (d *directory) apiKeys(o *object) []KeyDigest {
	digests := needList(o, "api_keys", apiKey())
	for i, k := range digests {
		if k == (KeyDigest{}) {
			continue // wrong, which has been reported
		}
		here := index(o.at("api_keys"), i)
		if first, twice := d.keys[string(k[:])]; twice {
			o.d.report(o.lines["api_keys"], here, "same key as %s, want each key only once in the file", first)
			continue
		}
		d.keys[string(k[:])] = here
	}
	return digests
}

func (d *directory) assistant(o *object) Assistant {
	a := Assistant{
		ID:           need(o, "id", uuid()),
		Name:         need(o, "name", text("the assistant's name")),
		URL:          need(o, "url", hook(d.config.Sandbox)),
		Secrets:      needList(o, "secret", signingSecret()),
		Instructions: field(o, "instructions", "", optional("how the assistant speaks")),
		History:      field(o, "history", false, boolean()),
		Format:       field(o, "format", FormatMeta, oneOf(FormatMeta, FormatRaw)),
	}
	d.assistants.once(o, "id", a.ID)
	if a.URL != nil && isPrivate(a.URL.Hostname()) && !d.config.Sandbox && !d.config.Relay.AllowPrivate {
		o.report("url", "got a private address, want a public one, or relay.allow_private or sandbox set to true")
	}
	o.end()
	return a
}

func (d *directory) channel(o *object) Channel {
	c := Channel{
		ID:          need(o, "id", uuid()),
		Name:        need(o, "name", text("the channel's name")),
		AssistantID: need(o, "assistant_id", uuid()),
		Provider:    need(o, "provider", oneOf(ProviderMeta, ProviderGupshup)),
	}
	d.channels.once(o, "id", c.ID)
	switch c.Provider {
	case ProviderMeta:
		d.meta(o, &c)
		o.end()
	case ProviderGupshup:
		d.gupshup(o, &c)
		o.end()
	default: // the allowed keys are unknown
	}
	return c
}

func (d *directory) meta(o *object, c *Channel) {
	c.App = need(o, "app", text("a key of meta_apps"))
	c.PhoneNumberID = need(o, "phone_number_id", name("Meta's id of the number"))
	c.WABAID = need(o, "waba_id", name("Meta's id of the account"))
	c.AccessToken = need(o, "access_token", secret("the token for calls to Meta"))
	// If the key of some app could not be read, the channel may mean that one.
	if c.App != "" && !d.apps[c.App] && !d.apps[""] {
		want := "a key of meta_apps, which is empty"
		if len(d.apps) > 0 {
			want = "a key of meta_apps: " + strings.Join(slices.Sorted(maps.Keys(d.apps)), ", ")
		}
		o.report("app", "got %s, want %s", shown(c.App), want)
	}
	d.numbers.once(o, "phone_number_id", c.PhoneNumberID)
}

func (d *directory) gupshup(o *object, c *Channel) {
	c.AppID = need(o, "app_id", name("the app's id at Gupshup"))
	c.AppName = need(o, "app_name", exact("the app's name at Gupshup"))
	c.Source = need(o, "source", digits())
	c.CallbackTokens = needList(o, "callback_token", secret("the token of the callbacks, or a list while rotating"))
	c.API = field(o, "api", GupshupV2, oneOf(GupshupV2, GupshupV3))
	if c.API == GupshupV3 {
		c.PartnerToken = need(o, "partner_token", secret("the app's token for the partner API"))
		c.APIKey = field(o, "api_key", Secret{}, optionalSecret("the key of the self-serve API"))
	} else {
		c.APIKey = need(o, "api_key", secret("the key of the self-serve API"))
		c.PartnerToken = field(o, "partner_token", Secret{}, optionalSecret("the app's token for the partner API"))
	}
	if c.AppID != "" && c.Source != "" {
		d.numbers.once(o, "source", c.AppID+"/"+c.Source)
	}
}

// digits is a phone number. A leading + is dropped.
func digits() kind[string] {
	k := matching(digitsPattern, "the number in digits, with its country code")
	return kind[string]{want: k.want, show: hidden, parse: func(s string) (string, bool) {
		return k.parse(strings.TrimPrefix(s, "+"))
	}}
}

// apiKey is an API key as its holder presents it, or its digest.
func apiKey() kind[KeyDigest] {
	const prefix = "sha256:"
	return kind[KeyDigest]{
		want: "a key, plain or sha256: with 64 hex digits", show: hidden,
		parse: func(s string) (KeyDigest, bool) {
			digest, hashed := strings.CutPrefix(s, prefix)
			if !hashed {
				return digestKey(s), s != "" && tidy(s)
			}
			var k KeyDigest
			if len(digest) != hex.EncodedLen(len(k)) {
				return k, false
			}
			_, err := hex.Decode(k[:], []byte(digest))
			return k, err == nil
		},
	}
}

// signingSecret is an assistant's secret. If it begins with whsec_, the rest must be base64.
func signingSecret() kind[Secret] {
	return kind[Secret]{
		want: "a secret (base64 behind whsec_), or a list while rotating", show: hidden,
		parse: func(s string) (Secret, bool) {
			encoded, coded := strings.CutPrefix(s, "whsec_")
			if !coded {
				return NewSecret(s), s != "" && tidy(s)
			}
			key, err := base64.StdEncoding.DecodeString(encoded) // accepts line breaks, which tidy refuses
			return NewSecret(s), err == nil && len(key) > 0 && tidy(s)
		},
	}
}
