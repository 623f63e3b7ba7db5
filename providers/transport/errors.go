package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

	"wagate/providers"
)

var (
	errTooLong  = errors.New("transport: answer too long")
	errSwitched = errors.New("transport: protocol switched")
)

// unsent returns the error for a call of which nothing can have reached the provider.
func unsent(err error) *providers.Error {
	return &providers.Error{
		Kind:      providers.Transient,
		Retryable: true,
		Cause:     &failure{stage: "connect", reason: Reason(err), err: err},
	}
}

// uncertain returns the error for a call whose result is unknown.
func uncertain(stage string, err error, status int) *providers.Error {
	return &providers.Error{
		Kind:      providers.Transient,
		Status:    status,
		MaybeSent: true,
		Cause:     &failure{stage: stage, reason: Reason(err), err: err},
	}
}

// failure describes an error of net/http without its text, which may quote what the peer sent. It
// supports errors.Is but not unwrapping.
type failure struct {
	stage  string
	reason string
	err    error
}

// Error returns the stage at which the call failed and the reason, in words of a closed set.
func (f *failure) Error() string { return f.stage + ": " + f.reason }

// Is reports whether target matches the underlying error.
func (f *failure) Is(target error) bool { return errors.Is(f.err, target) }

// Timeout reports whether the call took too long.
func (f *failure) Timeout() bool { return f.reason == reasonTimeout }

const reasonTimeout = "time-out"

// Reason describes an error of net/http in words of a closed set. The error's own text contains the
// URL and may quote what the peer sent.
func Reason(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "name not resolved"
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return reasonTimeout
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "certificate not trusted"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "not a TLS server"
	}
	switch {
	case errors.Is(err, errTimeout), errors.Is(err, context.DeadlineExceeded):
		return reasonTimeout
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, errTooLong):
		return "answer too long"
	case errors.Is(err, errSwitched):
		return "protocol switched"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "closed"
	}
	return "failed"
}
