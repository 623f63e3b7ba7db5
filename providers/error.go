package providers

import (
	"errors"
	"fmt"
	"time"
)

// ErrorKind is what a provider's failure means for wagate. The list is closed and the same for all
// providers. A kind is a metric label and, for a follow-up step, the reason of its failed outcome.
type ErrorKind string

// The error kinds, with the consequence of each.
const (
	Throttled     ErrorKind = "throttled"     // wait and try again; nothing is wrong
	Transient     ErrorKind = "transient"     // retry a bounded number of times if nothing can have been sent
	WindowClosed  ErrorKind = "window_closed" // close our window too, use a template
	TemplateError ErrorKind = "template"      // the template is missing, paused or does not fit
	Undeliverable ErrorKind = "undeliverable" // this contact cannot be reached
	OptedOut      ErrorKind = "opted_out"     // this contact asked to stop
	Capped        ErrorKind = "capped"        // not again within 24 h
	Operator      ErrorKind = "operator"      // token, payment, policy: a human is needed
	Invalid       ErrorKind = "invalid"       // our request is wrong
	Unknown       ErrorKind = "unknown"       // a code that is not in our tables
)

// ErrorKinds lists every error kind.
var ErrorKinds = []ErrorKind{
	Throttled, Transient, WindowClosed, TemplateError, Undeliverable,
	OptedOut, Capped, Operator, Invalid, Unknown,
}

// Error is a failed provider call, or the error in a receipt. The rest of wagate knows provider
// codes only through Error.
//
// Its text contains no phone, no message text and no token.
type Error struct {
	Kind ErrorKind
	// Code is the provider's error code; 0 if there was no parsed answer.
	Code int
	// Status is the HTTP status; 0 if there was no answer.
	Status int
	// RetryAfter is how long the provider asked to wait; zero if it did not ask.
	RetryAfter time.Duration
	// MaybeSent is true if the request may have reached the provider and its result is unknown: a
	// timeout after writing, a reset, an EOF, a bare 5xx, code 131000. Such a message is never sent
	// again.
	MaybeSent bool
	// Retryable is true only if the message cannot have been sent and a later try may succeed:
	// nothing was written, HTTP 429, or a code documented as not processed.
	Retryable bool
	// Detail is the provider's own short wording for the error answer to an assistant, with
	// personal data already removed. May be empty.
	Detail string
	// Cause is the underlying error of the transport, if any.
	Cause error
}

// Error describes the failure by kind, code and status only.
func (e *Error) Error() string {
	s := fmt.Sprintf("provider: %s (code %d, status %d)", e.Kind, e.Code, e.Status)
	if e.MaybeSent {
		s += ", may have been sent"
	}
	return s
}

// Unwrap returns Cause.
func (e *Error) Unwrap() error { return e.Cause }

// AsError returns the provider failure in err. If there is none, it returns one of unknown kind
// that may have been sent, which is the cautious reading.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Unknown, MaybeSent: true, Cause: err}
}
