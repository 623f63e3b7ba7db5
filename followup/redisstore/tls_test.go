package redisstore

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup/redisstore/redistest"
)

// authority is a certificate authority of the tests.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("authority", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign signs a certificate, itself if the authority has none yet, and writes it and its key to
// files of that name.
func (a *authority) sign(name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	c.NotBefore = c.NotAfter.Add(-2 * time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	a.must(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	a.must(err)
	a.must(os.WriteFile(a.file(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	a.must(os.WriteFile(a.file(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	c, err = x509.ParseCertificate(der)
	a.must(err)
	return c, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// serves returns an option that makes a server speak TLS with that certificate, at that port of an
// address of its own.
func (a *authority) serves(host, port, cert string) redistest.Option {
	return func(s *redistest.Server) {
		for key, value := range map[string]string{
			"bind": "127.0.0.1 " + host, "tls-port": port, "tls-cluster": "yes", "tls-auth-clients": "no",
			"tls-cert-file": a.file(cert + ".crt"), "tls-key-file": a.file(cert + ".key"), "tls-ca-cert-file": a.file("authority.crt"),
		} {
			redistest.Set(key, value)(s)
		}
	}
}

// TestClusterWithTLS: each node of a cluster has a certificate for its address. A client must reach
// each node, and must refuse certificates of an authority that it does not know.
func TestClusterWithTLS(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	a := newAuthority(t)
	n := 0
	var urls []string
	redistest.StartCluster(t, 3, 0, func(s *redistest.Server) {
		n++
		host, cert := fmt.Sprintf("127.0.0.%d", n+1), fmt.Sprintf("node%d", n)
		a.sign(cert, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP(host)}})
		port := fmt.Sprint(redistest.FreePort(t, host))
		urls = append(urls, "rediss://"+net.JoinHostPort(host, port))
		a.serves(host, port, cert)(s)
		redistest.Set("cluster-announce-ip", host)(s)
		redistest.Set("cluster-announce-tls-port", port)(s)
	})
	db, err := NewClient(ClientParams{URL: strings.Join(urls, ","), roots: a.roots()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	s := openStore(t, Params{Client: db})
	for err := s.Ping(ctx); err != nil; err = s.Ping(ctx) {
		if !timedOut(ctx, err) {
			t.Fatalf("Ping: got %v, want no error from any node", err)
		}
	}
	stranger, err := NewClient(ClientParams{URL: strings.Join(urls, ",")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Close() }()
	if _, err := Open(ctx, Params{Client: stranger}); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("unknown authority: got %v, want it refused", err)
	}
}

// TestSentinelWithTLS: sentinels, and the master that they name, each have a certificate of their
// own.
func TestSentinelWithTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	server := func(n int) (host, port string, opt redistest.Option) {
		host, cert := fmt.Sprintf("127.0.0.%d", n), fmt.Sprintf("server%d", n)
		a.sign(cert, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP(host)}})
		port = fmt.Sprint(redistest.FreePort(t, host))
		return host, port, a.serves(host, port, cert)
	}
	host, port, opt := server(2)
	redistest.Start(t, redistest.TCP(), opt)
	sentinel, sentinelPort, sentinelOpt := server(3)
	redistest.StartSentinel(t, "m", host, port, time.Minute, sentinelOpt, redistest.Set("tls-replication", "yes"))
	db, err := NewClient(ClientParams{
		URL: "rediss://master.invalid", SentinelMaster: "m", SentinelAddresses: []string{net.JoinHostPort(sentinel, sentinelPort)},
		roots: a.roots(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	openStore(t, Params{Client: db})
}

// TestCertificates: a certificate must be trusted, valid, and issued for the address that is
// dialled or for a name that the operator has given.
func TestCertificates(t *testing.T) {
	t.Parallel()
	a, b := newAuthority(t), newAuthority(t)
	node := net.ParseIP("127.0.0.1")
	for name, tt := range map[string]struct {
		by    *authority
		of    x509.Certificate
		named string
		want  string // part of the error
	}{
		"for its address":         {by: a, of: x509.Certificate{IPAddresses: []net.IP{node}}, named: "redis.test:1"},
		"for the given name":      {by: a, of: x509.Certificate{DNSNames: []string{"redis.test"}}, named: "redis.test:1"},
		"for a wildcard of it":    {by: a, of: x509.Certificate{DNSNames: []string{"*.test"}}, named: "redis.test"},
		"for another name":        {by: a, of: x509.Certificate{DNSNames: []string{"other.test"}}, named: "redis.test:1", want: "127.0.0.1"},
		"for another address":     {by: a, of: x509.Certificate{IPAddresses: []net.IP{net.ParseIP("127.0.0.9")}}, named: "127.0.0.8:1", want: "127.0.0.9, not 127.0.0.1"},
		"expired":                 {by: a, of: x509.Certificate{IPAddresses: []net.IP{node}, NotAfter: time.Now().Add(-time.Minute)}, named: "redis.test:1", want: "expired"},
		"by an unknown authority": {by: b, of: x509.Certificate{IPAddresses: []net.IP{node}}, named: "redis.test:1", want: "unknown authority"},
		"for clients only": {
			by: a, of: x509.Certificate{IPAddresses: []net.IP{node}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
			named: "redis.test:1", want: "key usage",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, key := tt.by.sign(strings.ReplaceAll(name, " ", "-"), &tt.of)
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
				MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{c.Raw}, PrivateKey: key}},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			go func() {
				if s, err := l.Accept(); err == nil {
					_, _ = s.Read(make([]byte, 1)) // shakes hands
					_ = s.Close()
				}
			}()
			dial := dialer(&redis.Options{TLSConfig: &tls.Config{}}, []string{tt.named}, a.roots())
			conn, err := dial(t.Context(), "tcp", l.Addr().String())
			if err == nil {
				_ = conn.Close()
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("dial: got %v, want an error with %q, none if empty", err, tt.want)
			}
		})
	}
}

// TestNoTLSUnlessAsked: without rediss:// there must be no dialer, so that the client dials by
// itself.
func TestNoTLSUnlessAsked(t *testing.T) {
	t.Parallel()
	if dialer(&redis.Options{}, nil, nil) != nil || dialer(nil, nil, nil) != nil {
		t.Error("got a dialer, want none")
	}
}
