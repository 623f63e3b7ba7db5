// Package fault is how a request to the /backend API goes wrong: a code of a
// closed set, a sentence for people, and the path of each wrong field. The
// services return it, the HTTP edge turns it into status and envelope, and so
// neither knows the other.
package fault

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wagate/followup"
)

// Code is what a program reads of a failure.
type Code string

// The codes. Those of the public API come first, the rest are ours.
const (
	Unauthorized  Code = "UNAUTHORIZED"
	Forbidden     Code = "FORBIDDEN"
	Validation    Code = "VALIDATION_ERROR"
	MissingField  Code = "MISSING_FIELD"
	NotFound      Code = "NOT_FOUND"
	AlreadyExists Code = "ALREADY_EXISTS"
	RateLimited   Code = "RATE_LIMIT_EXCEEDED"

	// RunNotStarted: the request is in order, and still no run can start.
	RunNotStarted Code = "RUN_NOT_STARTED"
	// Unreadable: it is there, but what is stored of it cannot be read.
	Unreadable Code = "UNREADABLE"
	// Unavailable: the store cannot be reached or does not promise to keep; try again.
	Unavailable Code = "UNAVAILABLE"
	// MethodNotAllowed, TooLarge, HeaderTooLarge, Unsupported, BadRequest, Timeout
	// and Internal are the edge's own.
	MethodNotAllowed Code = "METHOD_NOT_ALLOWED"
	TooLarge         Code = "PAYLOAD_TOO_LARGE"
	HeaderTooLarge   Code = "HEADER_TOO_LARGE"
	Unsupported      Code = "UNSUPPORTED_MEDIA_TYPE"
	BadRequest       Code = "BAD_REQUEST"
	Timeout          Code = "REQUEST_TIMEOUT"
	Internal         Code = "INTERNAL_ERROR"
)

// Detail is one wrong field.
type Detail = followup.Problem

// Error is a failed request. Its text and details hold no personal data and no
// part of what the caller sent but field names and ids.
type Error struct {
	Code       Code
	Message    string
	Details    []Detail
	RetryAfter time.Duration // zero: not said
}

// Error describes the failure by code and message.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Message) }

// New returns a failure without details.
func New(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// Missing says that nothing of this kind is known to the tenant.
func Missing(what string) *Error { return New(NotFound, what+" not found") }

// badBody says what is wrong with the body as a whole.
func badBody(problem string) *Error {
	return &Error{
		Code: Validation, Message: "the request is not valid",
		Details: []Detail{{Field: "body", Problem: problem}},
	}
}

// notJSON says that the body is no JSON object at all.
func notJSON() *Error { return badBody("must be a JSON object") }

// The bounds of what is told. A stranger chose the names of unknown fields, and
// how many there are.
const (
	maxDetails = 100
	maxField   = 80 // bytes
)

// Problems collects what is wrong with a request, so that all of it is told at once.
type Problems struct{ list []Detail }

// Add notes a wrong field.
func (p *Problems) Add(field, format string, args ...any) {
	p.Append(Detail{Field: field, Problem: fmt.Sprintf(format, args...)})
}

// Absent notes a required field that was not sent.
func (p *Problems) Absent(field string) {
	p.Append(Detail{Field: field, Problem: "is required", Missing: true})
}

// Append notes details found elsewhere. Beyond a bound nothing more is told.
func (p *Problems) Append(details ...Detail) {
	for _, d := range details {
		if len(p.list) == maxDetails {
			return
		}
		if len(d.Field) > maxField {
			d.Field = strings.ToValidUTF8(d.Field[:maxField], "") + "…"
		}
		p.list = append(p.list, d)
	}
}

// Has reports whether something is wrong with the field.
func (p *Problems) Has(field string) bool {
	return slices.ContainsFunc(p.list, func(d Detail) bool { return d.Field == field })
}

// Clone returns a copy to add more to.
func (p *Problems) Clone() *Problems { return &Problems{list: slices.Clone(p.list)} }

// None reports whether nothing is wrong.
func (p *Problems) None() bool { return len(p.list) == 0 }

// Err returns nil if nothing is wrong; MissingField if all that is wrong is
// that required fields are absent; else Validation.
func (p *Problems) Err() error {
	if p.None() {
		return nil
	}
	for _, d := range p.list {
		if !d.Missing {
			return &Error{Code: Validation, Message: "the request is not valid", Details: p.list}
		}
	}
	return &Error{Code: MissingField, Message: "a required field is missing", Details: p.list}
}
