package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wagate/config"
	"wagate/followup"
	"wagate/gateway/internal/ingest"
	"wagate/gateway/internal/outbound"
	"wagate/gateway/internal/relay"
	"wagate/gateway/internal/server"
	"wagate/providers"
	"wagate/providers/gupshup"
	"wagate/providers/meta"
	"wagate/providers/transport"
)

// Rates that the providers grant a number (sheets §10 and §13), with a burst
// short of what they count as too much.
const (
	metaPerSecond      = 80
	gupshupV2PerSecond = 20
	gupshupV3PerSecond = 10
)

// roster is the operator's tenants in the words of the packages that use them.
// A provider is added here, by one case.
type roster struct {
	directory *followup.Directory
	channels  []followup.Channel
	lines     []outbound.Line
	templates map[followup.ChannelID]outbound.TemplateAccount
	forget    map[followup.ChannelID]func() // of channels that send templates by ids of theirs: believe them no more

	apps        map[string]ingest.App
	metaApps    map[followup.ChannelID]string
	gupshupApps map[followup.ChannelID]ingest.GupshupApp
	endpoints   map[followup.AssistantID]relay.Endpoint
	history     map[followup.AssistantID]bool
	raw         map[followup.AssistantID]bool
	keys        map[server.Digest]followup.TenantID
	crmSecrets  map[followup.TenantID][]string
}

func newRoster(cfg config.Config) (*roster, error) {
	r := &roster{
		templates: map[followup.ChannelID]outbound.TemplateAccount{}, forget: map[followup.ChannelID]func(){},
		apps: map[string]ingest.App{}, metaApps: map[followup.ChannelID]string{},
		gupshupApps: map[followup.ChannelID]ingest.GupshupApp{},
		endpoints:   map[followup.AssistantID]relay.Endpoint{}, history: map[followup.AssistantID]bool{}, raw: map[followup.AssistantID]bool{},
		keys: map[server.Digest]followup.TenantID{}, crmSecrets: map[followup.TenantID][]string{},
	}
	for _, a := range cfg.MetaApps {
		r.apps[a.Key] = ingest.App{Secrets: reveal(a.AppSecrets), VerifyTokens: reveal(a.VerifyTokens)}
	}
	client := transport.New(transport.Params{Timeout: boundsOf(cfg).call})
	var problems []error
	var tenants []followup.Tenant
	for _, t := range cfg.Tenants {
		tenant := followup.Tenant{ID: followup.TenantID(t.ID), Name: t.Name}
		for _, k := range t.APIKeys {
			r.keys[server.Digest(k)] = tenant.ID
		}
		if len(t.CRMSecrets) > 0 {
			r.crmSecrets[tenant.ID] = reveal(t.CRMSecrets)
		}
		for _, a := range t.Assistants {
			id := followup.AssistantID(a.ID)
			tenant.Assistants = append(tenant.Assistants, followup.Assistant{ID: id, Name: a.Name, Instructions: a.Instructions})
			r.endpoints[id] = relay.Endpoint{URL: a.URL.String(), Secrets: reveal(a.Secrets)}
			if a.History {
				r.history[id] = true
			}
			if a.Format == config.FormatRaw {
				r.raw[id] = true
			}
		}
		for _, c := range t.Channels {
			channel, err := r.channel(cfg, tenant.ID, c, client)
			if err != nil {
				problems = append(problems, fmt.Errorf("channel %s: %w", c.ID, err))
				continue
			}
			tenant.Channels = append(tenant.Channels, channel)
			r.channels = append(r.channels, channel)
		}
		tenants = append(tenants, tenant)
	}
	r.directory = followup.NewDirectory(tenants)
	return r, errors.Join(problems...)
}

// channel takes in one channel with what it takes to send on it.
func (r *roster) channel(
	cfg config.Config, tenant followup.TenantID, c config.Channel, client *transport.Client,
) (followup.Channel, error) {
	ch := followup.Channel{
		ID: followup.ChannelID(c.ID), Tenant: tenant, Name: c.Name, Assistant: followup.AssistantID(c.AssistantID),
	}
	line := outbound.Line{}
	switch c.Provider {
	case config.ProviderMeta:
		ch.Provider, ch.Number, ch.Account = providers.Meta, c.PhoneNumberID, c.WABAID
		sender := meta.NewSender(meta.Params{
			Client: client, BaseURL: cfg.Graph.BaseURL.String(), Version: cfg.Graph.Version,
			PhoneNumberID: c.PhoneNumberID, AccessToken: c.AccessToken.Reveal(),
		})
		line.Provider, line.PerSecond, line.Burst = sender, metaPerSecond, metaPerSecond
		r.templates[ch.ID] = outbound.TemplateAccount{
			// What another app says of this account is not ours to believe.
			Name: templateAccount(ch.Provider, c.App, c.WABAID),
			List: func(ctx context.Context) ([]providers.TemplateInfo, error) { return sender.Templates(ctx, c.WABAID) },
		}
		r.metaApps[ch.ID] = c.App
	case config.ProviderGupshup:
		ch.Provider, ch.Number, ch.Account = providers.Gupshup, c.Source, c.AppID
		v3 := c.API == config.GupshupV3
		sender, err := gupshup.NewSender(gupshup.Params{
			Client: client, BaseURL: cfg.Gupshup.BaseURL.String(), PartnerBaseURL: cfg.Gupshup.PartnerBaseURL.String(),
			AppID: c.AppID, AppName: c.AppName, Source: c.Source, APIKey: c.APIKey.Reveal(),
			PartnerToken: c.PartnerToken.Reveal(), V3: v3,
		})
		if err != nil {
			return followup.Channel{}, err
		}
		line.Provider, line.PerSecond, line.Burst = sender, gupshupV2PerSecond, gupshupV2PerSecond
		if v3 {
			line.PerSecond, line.Burst = gupshupV3PerSecond, gupshupV3PerSecond
		}
		r.templates[ch.ID] = outbound.TemplateAccount{Name: templateAccount(ch.Provider, "", c.AppID), List: sender.Templates}
		r.forget[ch.ID] = sender.Forget
		r.gupshupApps[ch.ID] = ingest.GupshupApp{ID: c.AppID, Name: c.AppName, Tokens: reveal(c.CallbackTokens)}
	}
	line.Channel = ch
	r.lines = append(r.lines, line)
	return ch, nil
}

// reveal returns the secrets themselves, for whoever compares or signs with them.
func reveal(secrets []config.Secret) []string {
	out := make([]string, len(secrets))
	for i, s := range secrets {
		out[i] = s.Reveal()
	}
	return out
}

// templateAccount names an account for what is said of its templates.
func templateAccount(p providers.Name, app, account string) string {
	return strings.Join([]string{string(p), app, account}, "/")
}

// noteTemplates returns what keeps what is said of an account's templates.
func (r *roster) noteTemplates(store followup.TemplateStore, real func() time.Time) ingest.NoteTemplates {
	return func(ctx context.Context, of followup.Channel, said []followup.TemplateSaid) error {
		if forget := r.forget[of.ID]; forget != nil {
			forget()
		}
		return store.NoteTemplates(ctx, r.templates[of.ID].Name, said, real())
	}
}

// failed returns what is done about a receipt of a failure, beside what it does to its lead. A
// channel that sends templates by ids of theirs asks for the ids again when one was not found (other
// replicas do so when their list is too old), and the operator is told of what only he can mend.
func (r *roster) failed(complain func(followup.ChannelID, *providers.Error)) func(followup.ChannelID, *providers.Error) {
	return func(of followup.ChannelID, why *providers.Error) {
		if forget := r.forget[of]; forget != nil && gupshup.TemplatesStale(why.Code) {
			forget()
		}
		complain(of, why)
	}
}
