// Package webhook is the little that the HTTP edge and the packages behind it
// must agree on about a provider's webhook: how it can go wrong, and which of its
// headers anybody else may see. It is a leaf, so that the edge need not import
// what takes the events in, nor the reverse.
//
// The provider reads nothing but the status of our answer. Each error below
// stands for one; every other error means that the events could not be kept,
// and is answered like ErrUnavailable, so that the provider sends them again.
package webhook

import "errors"

// The ways in which a webhook goes wrong.
var (
	// ErrUnauthorized: the signature or token does not fit. 401.
	ErrUnauthorized = errors.New("webhook: not authentic")
	// ErrForbidden: the handshake's verify token does not fit. 403.
	ErrForbidden = errors.New("webhook: handshake refused")
	// ErrUnknown: there is no such app or channel. 404.
	ErrUnknown = errors.New("webhook: unknown address")
	// ErrMalformed: authentic, but the body as a whole cannot be read. 400.
	ErrMalformed = errors.New("webhook: malformed body")
	// ErrUnavailable: the events could not be kept just now. 503.
	ErrUnavailable = errors.New("webhook: cannot keep events now")
)
