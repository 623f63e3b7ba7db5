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

// The messages per second that the providers allow a number (sheets §10 and §13). The burst is one
// second's worth, below what the providers count as too much.
const (
	metaPerSecond      = 80
	gupshupV2PerSecond = 20
	gupshupV3PerSecond = 10
)

// roster translates the operator's file into the types of the packages that use it. A new provider
// is added here, as one more case.
type roster struct {
	directory *followup.Directory
	channels  []followup.Channel
	lines     []outbound.Line
	templates map[followup.ChannelID]outbound.TemplateAccount
	forget    map[followup.ChannelID]func() // for channels that send templates by provider ids: forgets those ids

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

// channel adds one channel to the roster, with what is needed to send on it.
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
			// The app is part of the name: what another app says of this account is not to be
			// believed.
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

// reveal returns the plain secrets, for packages that compare or sign with them.
func reveal(secrets []config.Secret) []string {
	out := make([]string, len(secrets))
	for i, s := range secrets {
		out[i] = s.Reveal()
	}
	return out
}

// templateAccount returns the account name under which notes on its templates are kept.
func templateAccount(p providers.Name, app, account string) string {
	return strings.Join([]string{string(p), app, account}, "/")
}

// noteTemplates returns the function that stores what webhooks say of an account's templates. It
// also makes the channel forget the template ids that it has cached.
func (r *roster) noteTemplates(store followup.TemplateStore, real func() time.Time) ingest.NoteTemplates {
	return func(ctx context.Context, of followup.Channel, said []followup.TemplateSaid) error {
		if forget := r.forget[of.ID]; forget != nil {
			forget()
		}
		return store.NoteTemplates(ctx, r.templates[of.ID].Name, said, real())
	}
}

// failed returns the function that is told of every receipt that reports a failure; the effect on
// the lead is handled elsewhere. If a template id was not found, a channel that sends templates by
// provider ids forgets them and asks for them again (other replicas do that when their list is too
// old). complain gets every failure, to tell the operator what only an operator can mend.
func (r *roster) failed(complain func(followup.ChannelID, *providers.Error)) func(followup.ChannelID, *providers.Error) {
	return func(of followup.ChannelID, why *providers.Error) {
		if forget := r.forget[of]; forget != nil && gupshup.TemplatesStale(why.Code) {
			forget()
		}
		complain(of, why)
	}
}
