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
	Lead(ctx context.Context, t followup.TenantID, id followup.LeadID) (followup.Lead, error)
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
	s := &sending{api: a, channel: c, msg: msg, hold: hold, leadReady: !msg.IsTemplate()}
	no, err := s.prepare(ctx)
	if err != nil {
		return a.unavailable(err), false
	}
	if no != nil {
		return no.answer(), false // before it takes a pacing slot
	}
	result, err := s.transmit(ctx)
	if err != nil {
		return a.unavailable(err), false
	}
	if s.unsendable != nil {
		return s.unsendable.answer(), false
	}
	if result.Refusal != followup.Allowed {
		return refused(result.Refusal).answer(), false
	}
	return s.finish(ctx, result)
}

// sending is one message on its way to the provider.
type sending struct {
	api     *API
	channel followup.Channel
	msg     message
	hold    hold

	// lead is the recipient, empty while it is a stranger. The recipient of a template may be a
	// stranger, or a lead whose creation was cut off. The guard creates the lead, or completes its
	// creation, right before the message is sent; then leadReady is set.
	lead      followup.LeadID
	leadReady bool

	unsendable *failure               // why the guard may not send the template, if it may not
	rearm      []followup.AssistantID // the assistants whose runs the guard found waiting for the business
}

// prepare finds the lead, translates the id of a quoted message and looks at the template. It
// returns a failure if the message cannot be sent, before the message takes a pacing slot.
func (s *sending) prepare(ctx context.Context) (*failure, error) {
	err := s.find(ctx)
	switch stranger := errors.Is(err, followup.ErrNotFound); {
	case stranger && s.msg.IsTemplate(): // the guard creates the lead
	case stranger:
		return fail(codeWindowClosed, neverWrote), nil // a stranger has no open window
	case err != nil:
		return nil, err
	}
	if err := s.api.quote(ctx, s.channel.Tenant, &s.msg); err != nil {
		return nil, err
	}
	_, unsendable, err := s.api.template(ctx, s.channel.ID, s.msg)
	return unsendable, err
}

// find finds the lead and sets whom the message is addressed to. It returns followup.ErrNotFound if
// the recipient is a stranger. The address then stays for all tries: the guard is asked about the
// contact that the message goes to, whatever happens to the record meanwhile.
//
// Only a user id costs a look at the record: a phone is addressed as it is. If the record is not
// there any more, the lead was merged or erased since it was found, and the guard will say so.
func (s *sending) find(ctx context.Context) error {
	a, t := s.api, s.channel.Tenant
	s.msg.To = s.msg.named
	var err error
	if s.lead, err = a.lead(ctx, t, s.msg, false); err != nil || s.msg.named.Phone != "" {
		return err
	}
	switch l, err := a.p.Store.Lead(ctx, t, s.lead); {
	case err == nil:
		s.msg.To = l.Addressee(s.channel.ID, s.msg.named)
	case !errors.Is(err, followup.ErrNotFound):
		return err
	}
	return nil
}

// transmit sends the message through the Service. If the lead was merged or erased since it was
// found, it is found again by its identity, and transmit tries once more.
func (s *sending) transmit(ctx context.Context) (followup.SendResult, error) {
	result, err := s.api.p.Service.Send(ctx, s.channel.ID, s.msg.Message, s.guard)
	if err != nil || result.Refusal != followup.RefusedLeadMoved {
		return result, err
	}
	s.leadReady = !s.msg.IsTemplate()
	if err := s.find(ctx); err != nil {
		return result, err
	}
	return s.api.p.Service.Send(ctx, s.channel.ID, s.msg.Message, s.guard)
}

// guard is the message's followup.Guard. It looks at the template again, holds the idempotency key,
// makes sure that the recipient of a template is a lead, and asks the store last.
func (s *sending) guard(ctx context.Context, previous followup.AttemptID) (followup.Verdict, error) {
	a, c := s.api, s.channel
	var marketing bool
	var err error
	// The template's status may have changed during pacing.
	if marketing, s.unsendable, err = a.template(ctx, c.ID, s.msg); err != nil {
		return followup.Verdict{}, err
	}
	if s.unsendable != nil {
		return followup.Verdict{Refusal: followup.RefusedTemplate}, nil
	}
	if err := s.hold(ctx); err != nil {
		return followup.Verdict{}, err
	}
	if !s.leadReady {
		found := s.lead
		var refusal followup.Refusal
		if s.lead, refusal, err = a.createLead(ctx, c, s.msg, found == ""); err != nil || refusal != followup.Allowed {
			return followup.Verdict{Refusal: refusal}, err
		}
		s.leadReady = true
		if found != "" && found != s.lead && s.msg.named.Phone == "" {
			// The address was taken from the record of a lead that is no more.
			return followup.Verdict{Refusal: followup.RefusedLeadMoved}, nil
		}
	}
	v, err := a.p.Store.GuardSend(ctx, followup.GuardSend{
		Tenant: c.Tenant, Lead: s.lead, Channel: c.ID, Assistant: c.Assistant,
		To: s.msg.To, FreeForm: !s.msg.IsTemplate(), Marketing: marketing, Opaque: s.msg.Opaque, Previous: previous,
		Now: a.p.Now(), Real: a.p.Real(),
	})
	s.rearm = v.Rearm
	return v, err
}

// finish records the result of the attempt, if there was one, starts the runs that waited for the
// business to speak, if the message has or may have left, and returns the answer. final is as for
// send.
func (s *sending) finish(ctx context.Context, result followup.SendResult) (answer Answer, final bool) {
	a, c := s.api, s.channel
	if result.Attempt != "" {
		a.record(ctx, c, s.lead, s.msg, result)
	}
	left := result.Err == nil || result.Err.MaybeSent
	// The runs start only here: before the call the business has not spoken yet, and nothing may
	// delay the call once the guard has allowed it.
	if left && len(s.rearm) > 0 {
		a.p.Rearm(context.WithoutCancel(ctx), c.Tenant, s.lead, s.rearm)
	}
	if result.Err != nil {
		return failed(result.Err).answer(), left
	}
	return accepted(s.msg, result.Sent), true
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
	return a.p.Store.Resolve(ctx, t, followup.Identity{Phone: msg.named.Phone, UserID: msg.named.UserID}, create, a.p.Now())
}

// createLead creates the lead that a template is for: the template may be the first message that
// anybody sends to this contact. For a stranger it checks an operator's pause first: GuardSend
// checks pauses too, but only after the lead exists, and a refused send must not create one.
func (a *API) createLead(
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
		rec.Entry = &followup.Entry{From: followup.FromBusiness, Text: msg.historyText(), At: rec.Now}
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

// unavailable logs err and returns the answer for a message that was not sent because of a failure
// on our side, such as a store that does not answer.
func (a *API) unavailable(err error) Answer {
	a.log.Warn("send not possible", "err", err)
	return later(time.Second, "the message was not sent; try again").answer()
}
