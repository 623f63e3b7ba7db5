package redisstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// keepAlive is how often the kernel probes an idle connection. The client's own dialer uses the same.
const keepAlive = 5 * time.Minute

// dialer returns a function that connects to one of several servers over TLS, or nil if of has no
// TLS. The servers are the nodes of a cluster, or sentinels and the servers that they know. A
// server's certificate is valid for the address that is dialled, or for one of named, the addresses
// that the operator gave.
func dialer(of *redis.Options, named []string, roots *x509.CertPool) func(context.Context, string, string) (net.Conn, error) {
	if of == nil || of.TLSConfig == nil {
		return nil
	}
	hosts := make([]string, len(named))
	for i, n := range named {
		hosts[i] = hostOf(n)
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host := hostOf(addr)
		d := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}, Config: &tls.Config{
			ServerName: host, MinVersion: tls.VersionTLS12,
			// A tls.Config can check one name only, so VerifyConnection checks the whole certificate.
			InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does it
			VerifyConnection: func(c tls.ConnectionState) error {
				return verify(c.PeerCertificates, append([]string{host}, hosts...), roots)
			},
		}}
		return d.DialContext(ctx, network, addr)
	}
}

// verify returns an error unless the first certificate is trusted by roots, and is for one of the
// names. The others are intermediates. nil roots are the system's.
func verify(of []*x509.Certificate, names []string, roots *x509.CertPool) error {
	if len(of) == 0 {
		return errors.New("tls: no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range of[1:] {
		between.AddCert(c)
	}
	if _, err := of[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: of, Err: err}
	}
	var first error
	for _, name := range names {
		err := of[0].VerifyHostname(name)
		if err == nil {
			return nil
		}
		if first == nil {
			first = &tls.CertificateVerificationError{UnverifiedCertificates: of, Err: err}
		}
	}
	return first
}

// hostOf returns the host of an address, which may be without a port.
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
