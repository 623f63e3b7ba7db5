package ingest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/followup"
	"wagate/followup/sometimes"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
	"wagate/providers/gupshup"
	"wagate/providers/meta"
	"wagate/providers/secret"
)

// Store is the part of followup.Store that Ingest uses.
type Store interface {
	followup.SettleStore
	followup.MessageStore
	Resolve(ctx context.Context, tenant followup.TenantID, who followup.Identity, create bool, now time.Time) (followup.LeadID, error)
	Lead(ctx context.Context, tenant followup.TenantID, id followup.LeadID) (followup.Lead, error)
	PutLead(ctx context.Context, p followup.PutLead) (followup.RunID, error)
}

// App holds the secrets of a Meta app.
type App struct {
	Secrets      []string // a webhook may be signed with any of them; several while rotating
	VerifyTokens []string // a handshake may present any of them; several while rotating
}

// GupshupApp holds what authenticates the callbacks of a Gupshup channel: the app's id and name,
// and the callback tokens.
type GupshupApp struct {
	ID, Name string
	Tokens   []string // a callback may present any of them; several while rotating
}

// Params configures an Ingest. Store, Channels, Steps, Logger and Metrics are required.
type Params struct {
	Store Store
	// Channels are in the order of the operator's file.
	Channels []followup.Channel
	// Apps are the Meta apps by key. MetaBinding names the app of each Meta channel.
	Apps        map[string]App
	MetaBinding map[followup.ChannelID]string
	// GupshupBinding has the app of each Gupshup channel.
	GupshupBinding map[followup.ChannelID]GupshupApp

	// History names the assistants that want history imports relayed. Raw names those that want
	// webhooks as they came.
	History, Raw map[followup.AssistantID]bool

	// OptOutWords are the words by which a lead opts out. The zero value has none.
	OptOutWords followup.OptOutWords
	// Steps counts the steps that replies and opt-outs cancel.
	Steps   *followup.Metrics
	Logger  *slog.Logger
	Metrics prometheus.Registerer

	// Now returns domain time and Real returns real time. Both default to time.Now.
	Now  func() time.Time
	Real func() time.Time
	// ArrivalTime makes the time of arrival every event's time. It is meant for a clock whose speed
	// is not 1.
	ArrivalTime bool

	// The hooks below may be called from several goroutines at once.

	// RelayWake is called when there may be something new to deliver. May be nil.
	RelayWake func()
	// NoteTemplates stores what was said about the templates of a channel's account, with instants
	// of real time. If it fails, the webhook is not acknowledged. May be nil.
	NoteTemplates NoteTemplates
	// Failed is called with the error of every receipt that reports a failure. May be nil.
	Failed func(channel followup.ChannelID, why *providers.Error)
	// Rearm is called with the assistants whose waiting run is to be started now. May be nil. The
	// run goes on waiting until it is started. So an error that Rearm does not report is made good
	// by the next message of the business, which calls Rearm again.
	Rearm func(ctx context.Context, tenant followup.TenantID, lead followup.LeadID, assistants []followup.AssistantID)
}

// NoteTemplates stores what was said about templates of the channel's account, in the given order.
type NoteTemplates func(ctx context.Context, channel followup.Channel, said []followup.TemplateSaid) error

// Ingest takes in webhooks. It is safe for concurrent use.
type Ingest struct {
	p       Params
	log     *slog.Logger
	metrics *metrics
	routes  routes
	strays  sometimes.Limiter[string]
}

// New returns an Ingest and registers its metrics with p.Metrics.
func New(p Params) *Ingest {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Real == nil {
		p.Real = time.Now
	}
	return &Ingest{
		p: p, log: p.Logger.With("component", "ingest"), metrics: newMetrics(p.Metrics),
		routes: newRoutes(p.Channels, p.MetaBinding), strays: sometimes.Limiter[string]{Interval: strayEvery},
	}
}

// MetaHandshake returns the challenge that answers the verification of an app's webhook URL. It
// returns webhook.ErrUnknown if there is no such app, and webhook.ErrForbidden if the mode is not
// "subscribe" or the token is not one of the app's.
func (in *Ingest) MetaHandshake(app, mode, token, challenge string) (string, error) {
	a, ok := in.p.Apps[app]
	if !ok {
		return "", webhook.ErrUnknown
	}
	if fits := secret.Presented(a.VerifyTokens, token); mode != "subscribe" || !fits {
		return "", webhook.ErrForbidden
	}
	return challenge, nil
}

// Meta takes in a body that claims to be signed with a secret of the app; beside reads the
// request's headers. It returns nil once every event in the body is settled or left out, and an
// error of package webhook otherwise. It keeps no reference to body.
func (in *Ingest) Meta(ctx context.Context, app, signature string, beside webhook.Header, body []byte) error {
	a, ok := in.p.Apps[app]
	if !ok {
		return webhook.ErrUnknown
	}
	if !meta.VerifySignature(a.Secrets, signature, body) {
		return webhook.ErrUnauthorized
	}
	batch, err := meta.Decode(body)
	if err != nil {
		return fmt.Errorf("decode: %w", webhook.ErrMalformed)
	}
	in.drop(providers.Meta, dropUndecodable, batch.Skipped)
	from := in.source(body, beside, len(batch.Events), meta.NewNarrower)
	list := make([]*arrival, 0, len(batch.Events))
	for i := range batch.Events {
		e := &batch.Events[i]
		to, reason := in.routes.meta(app, e)
		if reason != "" {
			in.drop(providers.Meta, reason, 1)
			in.stray(reason, cmp.Or(e.Number, e.Account), "app", app, "phone_number_id", e.Number, "waba_id", e.Account)
			continue
		}
		list = append(list, from.mark(i, arrivals(e, to))...)
	}
	return in.take(ctx, providers.Meta, list)
}

// Gupshup takes in a callback for a channel that came with this token; beside reads the request's
// headers. It returns nil once every event in the body is settled or left out, and an error of
// package webhook otherwise. It keeps no reference to body.
func (in *Ingest) Gupshup(
	ctx context.Context, channel followup.ChannelID, token string, beside webhook.Header, body []byte,
) error {
	if err := in.GupshupCaller(channel, token); err != nil {
		return err
	}
	app, c := in.p.GupshupBinding[channel], in.routes.channels[channel]
	batch, err := gupshup.Decode(body, gupshup.Options{PhoneNumberID: string(c.ID), DisplayPhone: c.Number})
	if err != nil {
		return fmt.Errorf("decode: %w", webhook.ErrMalformed)
	}
	in.drop(providers.Gupshup, dropUndecodable, batch.Skipped)
	// The callback must be of the channel's app. The number is not compared: WhatsApp writes the
	// numbers of some countries with a digit more or less than the operator does.
	ours := batch.From(app.ID, app.Name)
	from := in.source(body, beside, len(batch.Events), gupshup.NewNarrower)
	if from != nil {
		from.whole = batch.Version == gupshup.V2 && batch.Skipped == 0
	}
	list := make([]*arrival, 0, len(batch.Events))
	for i := range batch.Events {
		e := &batch.Events[i]
		switch {
		case e.Kind == providers.KindPlatform: // some versions name no app here; the event has no effect
		case !ours:
			in.drop(providers.Gupshup, dropUnbound, 1)
			in.stray(dropUnbound, string(c.ID), "channel", c.ID)
			continue
		}
		list = append(list, from.mark(i, arrivals(e, []*followup.Channel{c}))...)
	}
	return in.take(ctx, providers.Gupshup, list)
}

// drop counts items that are left out. It logs nothing of their content.
func (in *Ingest) drop(provider providers.Name, reason string, n int) {
	if n > 0 {
		in.metrics.dropped.WithLabelValues(string(provider), reason).Add(float64(n))
		in.log.Debug("webhook items left out", "provider", provider, "reason", reason, "items", n)
	}
}
