package server

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// retryAfter is how long a caller is asked to wait when the store is away.
const retryAfter = 2 * time.Second

// statuses holds the HTTP status of every code.
var statuses = map[fault.Code]int{
	fault.Unauthorized:     http.StatusUnauthorized,
	fault.Forbidden:        http.StatusForbidden,
	fault.Validation:       http.StatusBadRequest,
	fault.MissingField:     http.StatusBadRequest,
	fault.BadRequest:       http.StatusBadRequest,
	fault.NotFound:         http.StatusNotFound,
	fault.MethodNotAllowed: http.StatusMethodNotAllowed,
	fault.Timeout:          http.StatusRequestTimeout,
	fault.AlreadyExists:    http.StatusConflict,
	fault.RunNotStarted:    http.StatusConflict,
	fault.Unreadable:       http.StatusConflict,
	fault.TooLarge:         http.StatusRequestEntityTooLarge,
	fault.HeaderTooLarge:   http.StatusRequestHeaderFieldsTooLarge,
	fault.Unsupported:      http.StatusUnsupportedMediaType,
	fault.RateLimited:      http.StatusTooManyRequests,
	fault.Internal:         http.StatusInternalServerError,
	fault.Unavailable:      http.StatusServiceUnavailable,
}

// asFault translates an error into the fault that the caller of an API of ours is told.
func asFault(err error) *fault.Error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if f, ok := errors.AsType[*fiber.Error](err); ok {
		return fromFiber(f.Code)
	}
	switch {
	case errors.Is(err, errPanic):
		return fault.New(fault.Internal, "an internal error occurred")
	case errors.Is(err, followup.ErrNotFound), errors.Is(err, followup.ErrLeadMoved):
		return fault.New(fault.NotFound, "not found")
	case errors.Is(err, followup.ErrExists):
		return fault.New(fault.AlreadyExists, "already exists")
	}
	return &fault.Error{Code: fault.Unavailable, Message: "the service is temporarily unavailable", RetryAfter: retryAfter}
}

// fromFiber translates an error of the HTTP layer, given by its status. The texts of these errors
// quote the request.
func fromFiber(status int) *fault.Error {
	switch status {
	case http.StatusNotFound:
		return fault.New(fault.NotFound, "there is no such route")
	case http.StatusMethodNotAllowed:
		return fault.New(fault.MethodNotAllowed, "the route does not have this method")
	case http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "the body is too large")
	case http.StatusRequestHeaderFieldsTooLarge:
		return fault.New(fault.HeaderTooLarge, "the header is too large")
	case http.StatusUnsupportedMediaType:
		return fault.New(fault.Unsupported, "the body must not be compressed")
	case http.StatusRequestTimeout:
		return fault.New(fault.Timeout, "the request took too long to arrive")
	case http.StatusForbidden:
		return fault.New(fault.Forbidden, "the request is not allowed")
	}
	if status >= http.StatusInternalServerError {
		return fault.New(fault.Internal, "an internal error occurred")
	}
	return fault.New(fault.BadRequest, "the request cannot be read")
}

// envelope is the body of every error of /backend.
type envelope struct {
	Success bool          `json:"success"`
	Error   envelopeError `json:"error"`
}

type envelopeError struct {
	Code       fault.Code     `json:"code"`
	Message    string         `json:"message"`
	Details    []fault.Detail `json:"details"`
	RetryAfter int            `json:"retry_after,omitempty"` // seconds
}

// answer sends an error in /backend's envelope.
func answer(c *fiber.Ctx, f *fault.Error) error {
	e := envelope{Error: envelopeError{Code: f.Code, Message: f.Message, Details: f.Details}}
	if e.Error.Details == nil {
		e.Error.Details = []fault.Detail{}
	}
	if f.RetryAfter > 0 {
		e.Error.RetryAfter = seconds(f.RetryAfter)
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(e.Error.RetryAfter))
	}
	if f.Code == fault.Unauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	}
	return c.Status(statuses[f.Code]).JSON(e)
}

// seconds returns d in seconds, rounded up: a caller who waits that long has waited long enough.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
