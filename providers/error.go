package providers

import (
	"errors"
	"fmt"
	"time"
)

// ErrorKind says what a provider's failure means for us. One closed list for
// all providers; it is a metric label and, for a follow-up step, the reason of
// its failed outcome.
type ErrorKind string

// The error kinds, with what follows from each.
const (
	Throttled     ErrorKind = "throttled"     // wait and try again; nothing is wrong
	Transient     ErrorKind = "transient"     // try again, boundedly, if nothing can have been sent
	WindowClosed  ErrorKind = "window_closed" // close ours, use a template
	TemplateError ErrorKind = "template"      // the template is missing, paused or does not fit
	Undeliverable ErrorKind = "undeliverable" // this contact cannot be reached
	OptedOut      ErrorKind = "opted_out"     // this contact asked to stop
	Capped        ErrorKind = "capped"        // not again within 24 h
	Operator      ErrorKind = "operator"      // token, payment, policy: a human is needed
	Invalid       ErrorKind = "invalid"       // our request is wrong
	Unknown       ErrorKind = "unknown"       // a code nobody has told us about
)

// ErrorKinds lists every error kind.
var ErrorKinds = []ErrorKind{
	Throttled, Transient, WindowClosed, TemplateError, Undeliverable,
	OptedOut, Capped, Operator, Invalid, Unknown,
}

// Error is a failed provider call, or the error a receipt carries. It is the
// only thing the rest of wagate knows of a provider's codes.
//
// Its text holds no phone, no message text and no token.
type Error struct {
	Kind ErrorKind
	// Code as the provider numbers it; 0 if there was no parsed answer.
	Code int
	// Status is the HTTP status; 0 if there was no answer.
	Status int
	// RetryAfter is what the provider asked for; zero if it did not.
	RetryAfter time.Duration
	// MaybeSent is true when the request may have reached the provider and its
	// result is not known: a time-out after writing, a reset, an EOF, a bare
	// 5xx, 131000. Such a message is never sent again.
	MaybeSent bool
	// Retryable is true only when the message cannot have been sent and a later
	// try may succeed: nothing was written, HTTP 429, or a code documented as
	// not processed.
	Retryable bool
	// Detail is the provider's own short wording, already free of personal
	// data, for an assistant's error answer. May be empty.
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

// Unwrap returns the transport's error.
func (e *Error) Unwrap() error { return e.Cause }

// AsError returns err as a provider failure. An error that is none is a
// failure of unknown result: the cautious reading.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Unknown, MaybeSent: true, Cause: err}
}
