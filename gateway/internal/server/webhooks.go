package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/leads"
	"wagate/gateway/internal/webhook"
)

// Webhooks takes in what the providers send; ingest.Ingest implements it. Its errors are those of
// package webhook. Any other error means that the events were not kept.
type Webhooks interface {
	// MetaHandshake returns the answer to the verification of an app's URL.
	MetaHandshake(app, mode, token, challenge string) (string, error)
	// MetaCaller checks what can be checked before there is a body: that the app exists, and that
	// the signature could be one.
	MetaCaller(app, signature string) error
	// Meta takes in a body signed with the app's secret; beside reads the request's headers.
	Meta(ctx context.Context, app, signature string, beside webhook.Header, body []byte) error
	// GupshupCaller checks the channel and its callback token before there is a body.
	GupshupCaller(channel followup.ChannelID, token string) error
	// Gupshup takes in a body that came with the channel's callback token.
	Gupshup(ctx context.Context, channel followup.ChannelID, token string, beside webhook.Header, body []byte) error
}

// CRM takes in what a tenant's CRM sends; leads.Service implements it.
type CRM interface {
	CRM(ctx context.Context, tenant followup.TenantID, signature string, body []byte) (leads.Outcome, error)
}

func (s *public) handshake(c *fiber.Ctx) (string, error) {
	challenge, err := s.Webhooks.MetaHandshake(
		param(c, "app"), query(c, "hub.mode"), query(c, "hub.verify_token"), query(c, "hub.challenge"))
	if err != nil {
		return "", err
	}
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff") // the challenge is a stranger's text
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	return outcomeHandshake, c.SendString(challenge)
}

func (s *public) metaCaller(c *fiber.Ctx) error {
	if err := s.Webhooks.MetaCaller(param(c, "app"), signature(c)); err != nil {
		return err
	}
	return c.Next()
}

func (s *public) meta(c *fiber.Ctx) (string, error) {
	return kept(c, s.Webhooks.Meta(c.UserContext(), param(c, "app"), signature(c), headers(c), body(c)))
}

func signature(c *fiber.Ctx) string { return header(c, webhook.Signature256) }

func (s *public) gupshupCaller(c *fiber.Ctx) error {
	if err := s.Webhooks.GupshupCaller(channelOf(c), callbackToken(c)); err != nil {
		return err
	}
	return c.Next()
}

func (s *public) gupshup(c *fiber.Ctx) (string, error) {
	return kept(c, s.Webhooks.Gupshup(c.UserContext(), channelOf(c), callbackToken(c), headers(c), body(c)))
}

func channelOf(c *fiber.Ctx) followup.ChannelID { return followup.ChannelID(id(c, "channel")) }

func callbackToken(c *fiber.Ctx) string {
	if token := header(c, "X-Callback-Token"); token != "" {
		return token
	}
	return query(c, "token")
}

// kept answers a webhook whose events are kept: 200 with an empty body, as Gupshup requires and
// Meta accepts.
func kept(c *fiber.Ctx, err error) (string, error) {
	if err != nil {
		return "", err
	}
	c.Status(http.StatusOK)
	return outcomeOK, nil
}

// crmAnswer is the answer that tells a CRM what became of its event.
type crmAnswer struct {
	Success bool          `json:"success"`
	Outcome leads.Outcome `json:"outcome"`
}

func (s *public) crm(c *fiber.Ctx) (string, error) {
	tenant := followup.TenantID(id(c, "tenant"))
	outcome, err := s.CRM.CRM(c.UserContext(), tenant, header(c, "X-Leavo-Signature"), body(c))
	if err != nil {
		return "", err
	}
	label := string(outcome)
	if outcome == leads.Applied {
		label = outcomeOK
	}
	return label, c.JSON(crmAnswer{Success: true, Outcome: outcome})
}

// answerWebhook answers a provider with an error. The provider reads the status only; the word is
// for people who try by hand.
func (s *public) answerWebhook(c *fiber.Ctx, err error) error {
	status, word := webhookStatus(err)
	if status == http.StatusServiceUnavailable {
		s.logFailure(c.UserContext(), "webhooks", fault.New(fault.Unavailable, word), err)
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds(retryAfter)))
	}
	return c.Status(status).SendString(word)
}

func webhookStatus(err error) (status int, word string) {
	switch {
	case errors.Is(err, webhook.ErrUnauthorized):
		return http.StatusUnauthorized, "unauthorized"
	case errors.Is(err, webhook.ErrForbidden):
		return http.StatusForbidden, "forbidden"
	case errors.Is(err, webhook.ErrUnknown):
		return http.StatusNotFound, "not found"
	case errors.Is(err, webhook.ErrMalformed):
		return http.StatusBadRequest, "malformed"
	case errors.Is(err, webhook.ErrUnavailable):
		return http.StatusServiceUnavailable, "unavailable"
	}
	f := asFault(err)
	if f.Code == fault.Unavailable {
		return http.StatusServiceUnavailable, "unavailable"
	}
	return statuses[f.Code], f.Message
}
