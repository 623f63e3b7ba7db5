package outbound

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"wagate/followup"
	"wagate/providers"
)

// APIStore is the part of followup.Store that the Cloud API route needs.
type APIStore interface {
	Resolve(ctx context.Context, t followup.TenantID, who followup.Identity, create bool, now time.Time) (followup.LeadID, error)
	GuardSend(ctx context.Context, g followup.GuardSend) (followup.Verdict, error)
	RecordSend(ctx context.Context, r followup.RecordSend) error
	BeginKey(ctx context.Context, t followup.TenantID, key, fingerprint string, real time.Time, lease time.Duration) (followup.KeyAnswer, error)
	FinishKey(ctx context.Context, t followup.TenantID, key string, answer []byte, real time.Time) error
	HoldKey(ctx context.Context, t followup.TenantID, key, owner string, real time.Time) error
	DropKey(ctx context.Context, t followup.TenantID, key, owner string) error
	Message(ctx context.Context, t followup.TenantID, id string, park *followup.Parked) (followup.MessageRef, error)
	Pauses(ctx context.Context, t followup.TenantID) ([]followup.ChannelID, error)
}

// Passer is implemented by a Provider that takes read receipts and typing notices. Do hands
// such a request to the provider and returns the provider's answer.
type Passer interface {
	Do(ctx context.Context, body json.RawMessage) (json.RawMessage, error)
}

// APIParams configures an API. All fields are required.
type APIParams struct {
	Store     APIStore
	Service   *Service
	Templates followup.Templates
	Directory *followup.Directory
	// Rearm starts the lead's runs that were waiting for the business to speak again.
	Rearm     func(ctx context.Context, t followup.TenantID, lead followup.LeadID, assistants []followup.AssistantID)
	Now, Real func() time.Time
	Logger    *slog.Logger
}

// API is the Cloud API send route, for every provider. It is safe for concurrent use.
type API struct {
	p   APIParams
	log *slog.Logger
}

// NewAPI returns an API.
func NewAPI(p APIParams) *API { return &API{p: p, log: p.Logger.With("component", "messages")} }

// Request is a Cloud API send request.
type Request struct {
	Tenant         followup.TenantID
	Number         string // phone number id or channel id
	IdempotencyKey string // empty if the request has none
	Body           []byte
}

// Answer is the HTTP answer for the caller, in Graph's shape.
type Answer struct {
	Status     int
	Body       []byte
	RetryAfter time.Duration // zero if there is no Retry-After
}

// Send handles one request. It always returns an answer; every error is worded as one.
func (a *API) Send(ctx context.Context, r Request) Answer {
	channel, ok := a.channel(r.Tenant, r.Number)
	if !ok {
		return unknownObject(r.Number)
	}
	msg, problem := parse(r.Body)
	if problem != nil {
		return problem.answer()
	}
	if msg.pass != nil {
		return a.pass(ctx, channel, msg.pass)
	}
	if r.IdempotencyKey == "" {
		answer, _ := a.send(ctx, channel, msg, func(context.Context) error { return nil })
		return answer
	}
	return a.once(ctx, r, func(hold hold) (Answer, bool) { return a.send(ctx, channel, msg, hold) })
}

// channel finds the tenant's channel by channel id or, on Meta, by phone number id.
func (a *API) channel(t followup.TenantID, number string) (followup.Channel, bool) {
	tenant, _ := a.p.Directory.Tenant(t)
	i := slices.IndexFunc(tenant.Channels, func(c followup.Channel) bool {
		return string(c.ID) == number || (c.Provider == providers.Meta && c.Number == number)
	})
	if i < 0 {
		return followup.Channel{}, false
	}
	return tenant.Channels[i], true
}

// pass hands a read receipt or typing notice to the provider.
func (a *API) pass(ctx context.Context, c followup.Channel, body json.RawMessage) Answer {
	passer, ok := a.p.Service.lines[c.ID].Provider.(Passer)
	if !ok {
		return fail(codeUnsupported, "this channel's provider takes no read receipts or typing notices").answer()
	}
	raw, err := passer.Do(ctx, body)
	if err != nil {
		e := *providers.AsError(err)
		e.MaybeSent = false // a read receipt may safely be sent twice
		return failed(&e).answer()
	}
	return Answer{Status: 200, Body: raw}
}

// send sends one message. final is false if nothing was sent, so the same request may be made
// again.
func (a *API) send(ctx context.Context, c followup.Channel, msg message, hold hold) (answer Answer, final bool) {
	lead, err := a.lead(ctx, c.Tenant, msg, false)
	switch stranger := errors.Is(err, followup.ErrNotFound); {
	case stranger && msg.IsTemplate(): // the guard creates the lead
	case stranger:
		return fail(codeWindowClosed, neverWrote).answer(), false // a stranger has no open window
	case err != nil:
		return a.away(err), false
	}
	if err := a.quote(ctx, c.Tenant, &msg); err != nil {
		return a.away(err), false
	}
	_, unsendable, err := a.template(ctx, c.ID, msg)
	if err != nil {
		return a.away(err), false
	}
	if unsendable != nil {
		return unsendable.answer(), false // before it takes a pacing slot
	}
	var rearm []followup.AssistantID
	// The recipient of a template may be a stranger, or a lead whose creation was cut off. The guard creates the
	// lead, or completes its creation, right before the message is sent.
	made := !msg.IsTemplate()
	guard := func(ctx context.Context, previous followup.AttemptID) (followup.Verdict, error) {
		var marketing bool
		var err error
		if marketing, unsendable, err = a.template(ctx, c.ID, msg); err != nil { // its status may have changed during pacing
			return followup.Verdict{}, err
		}
		if unsendable != nil {
			return followup.Verdict{Refusal: followup.RefusedTemplate}, nil
		}
		if err := hold(ctx); err != nil {
			return followup.Verdict{}, err
		}
		if !made {
			var refusal followup.Refusal
			if lead, refusal, err = a.found(ctx, c, msg, lead == ""); err != nil || refusal != followup.Allowed {
				return followup.Verdict{Refusal: refusal}, err
			}
			made = true
		}
		v, err := a.p.Store.GuardSend(ctx, followup.GuardSend{
			Tenant: c.Tenant, Lead: lead, Channel: c.ID, Assistant: c.Assistant,
			To: msg.To, FreeForm: !msg.IsTemplate(), Marketing: marketing, Opaque: msg.Opaque, Previous: previous,
			Now: a.p.Now(), Real: a.p.Real(),
		})
		rearm = v.Rearm
		return v, err
	}
	result, err := a.p.Service.Send(ctx, c.ID, msg.Message, guard)
	if err == nil && result.Refusal == followup.RefusedLeadMoved {
		// The lead was merged or erased since it was found. Find it again by its identity, and try once more.
		if made = !msg.IsTemplate(); made {
			lead, err = a.lead(ctx, c.Tenant, msg, false)
		}
		if err == nil {
			result, err = a.p.Service.Send(ctx, c.ID, msg.Message, guard)
		}
	}
	if err != nil {
		return a.away(err), false
	}
	if unsendable != nil {
		return unsendable.answer(), false
	}
	if result.Refusal != followup.Allowed {
		return refused(result.Refusal).answer(), false
	}
	if result.Attempt != "" {
		a.record(ctx, c, lead, msg, result)
	}
	left := result.Err == nil || result.Err.MaybeSent
	if left && len(rearm) > 0 { // the business has spoken: not before this, and nothing may delay the call after the guard
		a.p.Rearm(context.WithoutCancel(ctx), c.Tenant, lead, rearm)
	}
	if result.Err != nil {
		return failed(result.Err).answer(), left
	}
	return accepted(msg, result.Sent), true
}

// template reports whether the message's template is marketing. unsendable is not nil if the
// template is known to be paused or disabled, and says so to the caller. In any other status
// the provider's own answer decides: the list may be minutes old, and a template approved since
// then may be in use already. For a message that is not a template, template returns zero values.
func (a *API) template(ctx context.Context, c followup.ChannelID, msg message) (marketing bool, unsendable *failure, err error) {
	if !msg.IsTemplate() {
		return false, nil, nil
	}
	info, _, err := a.p.Templates.Template(ctx, c, msg.template, msg.language)
	if err != nil {
		return false, nil, err
	}
	switch info.Status {
	case providers.TemplatePaused:
		unsendable = fail(codePaused, "The template is paused; the message was not sent.")
	case providers.TemplateDisabled:
		unsendable = fail(codeDisabled, "The template is disabled; the message was not sent.")
	}
	return info.Marketing(), unsendable, nil
}

// lead returns the lead that the message is for. If there is none, lead creates it if create is
// set, and returns followup.ErrNotFound otherwise.
func (a *API) lead(ctx context.Context, t followup.TenantID, msg message, create bool) (followup.LeadID, error) {
	return a.p.Store.Resolve(ctx, t, followup.Identity{Phone: msg.To.Phone, UserID: msg.To.UserID}, create, a.p.Now())
}

// found creates the lead that a template is for: the template may be the first message that
// anybody sends to this contact. For a stranger it checks an operator's pause first: GuardSend
// checks pauses too, but only after the lead exists, and a refused send must not create one.
func (a *API) found(
	ctx context.Context, c followup.Channel, msg message, stranger bool,
) (followup.LeadID, followup.Refusal, error) {
	if stranger {
		paused, err := a.p.Store.Pauses(ctx, c.Tenant)
		if err != nil {
			return "", followup.Allowed, err
		}
		if slices.Contains(paused, "") || slices.Contains(paused, c.ID) {
			return "", followup.RefusedPaused, nil
		}
	}
	lead, err := a.lead(ctx, c.Tenant, msg, true)
	return lead, followup.Allowed, err
}

// quote replaces the id of the quoted message: the sender was given one id for it, and the
// provider knows it by its own. An id that is not known is left as it is.
func (a *API) quote(ctx context.Context, t followup.TenantID, msg *message) error {
	if msg.quoted == "" {
		return nil
	}
	ref, err := a.p.Store.Message(ctx, t, msg.quoted, nil)
	if errors.Is(err, followup.ErrNotFound) || (err == nil && ref.ProviderID == "") {
		return nil
	}
	if err != nil {
		return err
	}
	msg.requote(ref.ProviderID)
	return nil
}

// record records the result of the attempt. If it cannot, it only logs that: whether the message
// has left does not depend on the record, so the caller's answer does not either.
func (a *API) record(ctx context.Context, c followup.Channel, lead followup.LeadID, msg message, r followup.SendResult) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), linkWithin)
	defer cancel()
	rec := followup.RecordSend{
		Tenant: c.Tenant, Lead: lead, Channel: c.ID, Attempt: r.Attempt, MessageID: r.Sent.ID,
		Now: a.p.Now(), Real: a.p.Real(),
	}
	if r.Err == nil || r.Err.MaybeSent {
		rec.Entry = &followup.Entry{From: followup.FromBusiness, Text: msg.said(), At: rec.Now}
	}
	if r.Err != nil {
		rec.CloseWindow = r.Err.Kind == providers.WindowClosed
		rec.OptOut = r.Err.Kind == providers.OptedOut
	}
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := a.p.Store.RecordSend(ctx, rec)
		if errors.Is(err, followup.ErrLeadMoved) || errors.Is(err, followup.ErrNotFound) {
			return struct{}{}, nil // the lead was erased: there is nowhere to record the result
		}
		return struct{}{}, err
	}, backoff.WithMaxElapsedTime(linkWithin))
	if err != nil {
		a.log.Error("result of a send not recorded", "channel", c.ID, "err", err)
	}
}

// away logs err and returns the answer for a message that was not sent because of a failure on
// our side, such as a store that does not answer.
func (a *API) away(err error) Answer {
	a.log.Warn("send not possible", "err", err)
	p := fail(codeUnavailable, "the message was not sent; try again")
	p.retryAfter = time.Second
	return p.answer()
}
