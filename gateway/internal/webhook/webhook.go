// Package webhook holds what the HTTP edge and the packages behind it must agree on about a
// provider's webhook: how it can go wrong, and which of its headers others may see. It is a leaf,
// so that neither the edge nor the package that takes events in has to import the other.
//
// A provider reads only the status of our answer. Each error below stands for one status. Every
// other error means that the events could not be kept. It is answered like ErrUnavailable, so that
// the provider sends the events again.
package webhook

import "errors"

// The ways in which a webhook goes wrong.
var (
	// ErrUnauthorized means that the signature or token is wrong. Status 401.
	ErrUnauthorized = errors.New("webhook: not authentic")
	// ErrForbidden means that the verify token of the handshake is wrong. Status 403.
	ErrForbidden = errors.New("webhook: handshake refused")
	// ErrUnknown means that there is no such app or channel. Status 404.
	ErrUnknown = errors.New("webhook: unknown address")
	// ErrMalformed means that the webhook is authentic, but its body as a whole cannot be read.
	// Status 400.
	ErrMalformed = errors.New("webhook: malformed body")
	// ErrUnavailable means that the events cannot be kept at the moment. Status 503.
	ErrUnavailable = errors.New("webhook: cannot keep events now")
)
