package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// MessagesRequest is a Cloud API send as it came in.
type MessagesRequest struct {
	Tenant         followup.TenantID
	Number         string // phone number id or channel id, as in the path
	IdempotencyKey string // empty: none
	Body           []byte
}

// MessagesAnswer is what the caller gets, in Graph's shape: success or error.
type MessagesAnswer struct {
	Status     int
	Body       []byte
	RetryAfter time.Duration // zero: not said
}

// Messages sends messages for assistants.
type Messages interface {
	Send(ctx context.Context, r MessagesRequest) MessagesAnswer
}

// graphVersion answers 404 to a path that is not one of Graph's: the pattern of the route is wider.
func graphVersion(c *fiber.Ctx) error {
	if !graphPath.MatchString(c.Path()) {
		return fiber.ErrNotFound
	}
	return c.Next()
}

func (s *public) send(c *fiber.Ctx) error {
	a := s.Messages.Send(c.UserContext(), MessagesRequest{
		Tenant: tenantOf(c), Number: id(c, "number"),
		IdempotencyKey: header(c, "Idempotency-Key"), Body: body(c),
	})
	if a.RetryAfter > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds(a.RetryAfter)))
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
	return c.Status(a.Status).Send(a.Body)
}

// graphError is an error as the Graph API words it.
type graphError struct {
	Message   string         `json:"message"`
	Type      string         `json:"type"`
	Code      int            `json:"code"`
	ErrorData graphErrorData `json:"error_data"`
	TraceID   string         `json:"fbtrace_id"`
}

type graphErrorData struct {
	Product string `json:"messaging_product"`
	Details string `json:"details"`
}

// Codes of the Graph API.
const (
	graphInvalid      = 100
	graphToken        = 190
	graphUnknownPath  = 2500
	graphWentWrong    = 131000
	graphUnavailable  = 131016
	graphOAuth        = "OAuthException"
	graphMethod       = "GraphMethodException"
	messagingWhatsApp = "whatsapp"
)

// answerGraph answers a Cloud API client with an error of the edge itself. Errors of sending come
// from Messages in their final form.
func answerGraph(c *fiber.Ctx, err error) error {
	f := asFault(err)
	e := graphError{Message: "(#100) Invalid parameter", Type: graphOAuth, Code: graphInvalid}
	switch f.Code {
	case fault.Unauthorized:
		e = graphError{Message: "Invalid OAuth access token.", Type: graphOAuth, Code: graphToken}
		c.Set(fiber.HeaderWWWAuthenticate, `OAuth "Facebook Platform" "invalid_token" "Invalid OAuth access token."`)
	case fault.NotFound:
		e = graphError{Message: "Unknown path components", Type: graphOAuth, Code: graphUnknownPath}
	case fault.MethodNotAllowed:
		e = graphError{Message: "Unsupported request method", Type: graphMethod, Code: graphInvalid}
	case fault.Internal:
		e = graphError{Message: "(#131000) Something went wrong", Type: graphOAuth, Code: graphWentWrong}
	case fault.Unavailable:
		e = graphError{Message: "(#131016) Service unavailable", Type: graphOAuth, Code: graphUnavailable}
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds(retryAfter)))
	}
	e.ErrorData = graphErrorData{Product: messagingWhatsApp, Details: f.Message}
	status := statuses[f.Code]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	c.Status(status)
	return c.JSON(fiber.Map{"error": e}, fiber.MIMEApplicationJSONCharsetUTF8)
}
