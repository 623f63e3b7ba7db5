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

// APIStore is what the Cloud API route needs of followup.Store.
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

// Passer carries what is no message (read receipts, typing) to a provider and
// returns its answer.
type Passer interface {
	Do(ctx context.Context, body json.RawMessage) (json.RawMessage, error)
}

// APIParams says what an API works with; all is required.
type APIParams struct {
	Store     APIStore
	Service   *Service
	Templates followup.Templates
	Directory *followup.Directory
	// Rearm starts the runs that waited for the business to speak again.
	Rearm     func(ctx context.Context, t followup.TenantID, lead followup.LeadID, assistants []followup.AssistantID)
	Now, Real func() time.Time
	Logger    *slog.Logger
}

// API is the Cloud API send route, for every provider.
type API struct {
	p   APIParams
	log *slog.Logger
}

// NewAPI returns an API.
func NewAPI(p APIParams) *API { return &API{p: p, log: p.Logger.With("component", "messages")} }

// Request is a Cloud API send as it came in.
type Request struct {
	Tenant         followup.TenantID
	Number         string // phone number id or channel id
	IdempotencyKey string // empty: none
	Body           []byte
}

// Answer is what the caller gets, in Graph's shape.
type Answer struct {
	Status     int
	Body       []byte
	RetryAfter time.Duration // zero: not said
}

// Send handles one request.
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

// channel finds the tenant's channel by phone number id or channel id.
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

// pass hands a read receipt or typing notice on.
func (a *API) pass(ctx context.Context, c followup.Channel, body json.RawMessage) Answer {
	passer, ok := a.p.Service.lines[c.ID].Provider.(Passer)
	if !ok {
		return fail(codeUnsupported, "this channel's provider takes no read receipts or typing notices").answer()
	}
	raw, err := passer.Do(ctx, body)
	if err != nil {
		e := *providers.AsError(err)
		e.MaybeSent = false // what is read may be said to be read again
		return failed(&e).answer()
	}
	return Answer{Status: 200, Body: raw}
}

// send sends one message. final is false if nothing was sent, so that the same
// request may be made again.
func (a *API) send(ctx context.Context, c followup.Channel, msg message, hold hold) (answer Answer, final bool) {
	lead, err := a.lead(ctx, c.Tenant, msg, false)
	switch stranger := errors.Is(err, followup.ErrNotFound); {
	case stranger && msg.IsTemplate(): // he becomes a lead in the guard
	case stranger:
		return fail(codeWindowClosed, neverWrote).answer(), false // and it has no window to be open
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
		return unsendable.answer(), false // before it takes anybody's slot
	}
	var rearm []followup.AssistantID
	// A template may go to nobody's lead, or to one whose making was cut off: in the guard, right before it is
	// sent, he is made one, or wholly one.
	made := !msg.IsTemplate()
	guard := func(ctx context.Context, previous followup.AttemptID) (followup.Verdict, error) {
		var marketing bool
		var err error
		if marketing, unsendable, err = a.template(ctx, c.ID, msg); err != nil { // as it is after pacing
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
		// Merged or erased since it was named: once more, by name.
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
	if left && len(rearm) > 0 { // the business has spoken; not before, and not between guard and call
		a.p.Rearm(context.WithoutCancel(ctx), c.Tenant, lead, rearm)
	}
	if result.Err != nil {
		return failed(result.Err).answer(), left
	}
	return accepted(msg, result.Sent), true
}

// template tells of a template whether it is marketing, and says why one is not
// sent that is known to be paused or disabled. In any other status the provider's
// own answer decides: a list may be minutes old, and what was approved since be in
// use.
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

// lead names whom the message is for.
func (a *API) lead(ctx context.Context, t followup.TenantID, msg message, create bool) (followup.LeadID, error) {
	return a.p.Store.Resolve(ctx, t, followup.Identity{Phone: msg.To.Phone, UserID: msg.To.UserID}, create, a.p.Now())
}

// found makes whom a template is for a lead: it may be the first that is ever said to somebody. For a
// stranger an operator's pause is asked for before, as the guard of a lead comes too late for him.
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

// quote puts the provider's own id in the place of the id that the sender of
// the quoted message was given.
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

// record keeps the result. The message has left or not; a failure to write that
// down is not the caller's.
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
			return struct{}{}, nil // erased meanwhile: there is nowhere to record it
		}
		return struct{}{}, err
	}, backoff.WithMaxElapsedTime(linkWithin))
	if err != nil {
		a.log.Error("result of a send not recorded", "channel", c.ID, "err", err)
	}
}

// away answers that nothing was sent because the store did not answer.
func (a *API) away(err error) Answer {
	a.log.Warn("send not possible", "err", err)
	p := fail(codeUnavailable, "the message was not sent; try again")
	p.retryAfter = time.Second
	return p.answer()
}
