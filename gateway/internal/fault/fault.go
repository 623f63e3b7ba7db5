// Package fault describes how a request to the /backend API goes wrong: a code of a closed set, a
// sentence for people, and the path of each wrong field. The services return it and the HTTP edge
// turns it into a status and an envelope, so neither needs to know the other.
package fault

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wagate/followup"
)

// Code is the part of a failure that a program reads.
type Code string

// The codes. The first group is the public API's, the rest are ours.
const (
	Unauthorized  Code = "UNAUTHORIZED"
	Forbidden     Code = "FORBIDDEN"
	Validation    Code = "VALIDATION_ERROR"
	MissingField  Code = "MISSING_FIELD"
	NotFound      Code = "NOT_FOUND"
	AlreadyExists Code = "ALREADY_EXISTS"
	RateLimited   Code = "RATE_LIMIT_EXCEEDED"

	// RunNotStarted means that the request is valid, but no run can start.
	RunNotStarted Code = "RUN_NOT_STARTED"
	// Unreadable means that the thing exists, but what is stored of it cannot be read.
	Unreadable Code = "UNREADABLE"
	// Unavailable means that the store cannot be reached, or does not promise to keep what it was
	// given. Try again.
	Unavailable Code = "UNAVAILABLE"
	// MethodNotAllowed, TooLarge, HeaderTooLarge, Unsupported, BadRequest, Timeout and Internal are
	// used by the HTTP edge only.
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

// Error is a failed request. It holds no personal data. Of what the caller sent it holds only field
// names and ids.
type Error struct {
	Code       Code
	Message    string
	Details    []Detail
	RetryAfter time.Duration // how long to wait before the next try; zero: not said
}

// Error returns the code and the message.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Message) }

// New returns a failure without details.
func New(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// Missing returns the NotFound failure of a tenant that has no such thing. what names the kind of
// thing.
func Missing(what string) *Error { return New(NotFound, what+" not found") }

// badBody returns the failure of a body that is wrong as a whole.
func badBody(problem string) *Error {
	return &Error{
		Code: Validation, Message: "the request is not valid",
		Details: []Detail{{Field: "body", Problem: problem}},
	}
}

// notJSON returns the failure of a body that is not a JSON object.
func notJSON() *Error { return badBody("must be a JSON object") }

// The bounds of what is reported. A stranger chose the names of unknown fields, and how many there
// are.
const (
	maxDetails = 100
	maxField   = 80 // bytes
)

// Problems collects what is wrong with a request, so that the caller is told all of it at once. The
// zero value is empty and ready to use.
type Problems struct{ list []Detail }

// Add records a problem with a field.
func (p *Problems) Add(field, format string, args ...any) {
	p.Append(Detail{Field: field, Problem: fmt.Sprintf(format, args...)})
}

// Absent records that a required field was not sent.
func (p *Problems) Absent(field string) {
	p.Append(Detail{Field: field, Problem: "is required", Missing: true})
}

// Append records details found elsewhere. It cuts long field names, and drops details beyond the
// first 100 of the request.
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

// Has reports whether a problem with the field is recorded.
func (p *Problems) Has(field string) bool {
	return slices.ContainsFunc(p.list, func(d Detail) bool { return d.Field == field })
}

// Clone returns a copy that can be added to without changing p.
func (p *Problems) Clone() *Problems { return &Problems{list: slices.Clone(p.list)} }

// None reports whether no problem is recorded.
func (p *Problems) None() bool { return len(p.list) == 0 }

// Err returns nil if no problem is recorded. Otherwise it returns an *Error with all details. Its
// code is MissingField if every problem is that a required field was not sent, and Validation if
// not.
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
