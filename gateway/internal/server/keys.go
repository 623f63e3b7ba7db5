package server

import (
	"crypto/sha256"
	"crypto/subtle"

	"wagate/followup"
)

// Keys tells whose an API key is.
type Keys interface {
	Tenant(token string) (followup.TenantID, bool)
}

// Digest is the SHA-256 of an API key.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a key.
func DigestOf(token string) Digest { return sha256.Sum256([]byte(token)) }

// KeyRing holds the API keys of all tenants, as digests.
type KeyRing struct{ tenants map[Digest]followup.TenantID }

// NewKeyRing returns the ring of the keys given.
func NewKeyRing(tenants map[Digest]followup.TenantID) *KeyRing { return &KeyRing{tenants: tenants} }

// Tenant returns whose the key is. No time depends on a key that is nobody's:
// it is hashed first, and the map sees digests only.
func (k *KeyRing) Tenant(token string) (followup.TenantID, bool) {
	if token == "" {
		return "", false
	}
	t, ok := k.tenants[DigestOf(token)]
	return t, ok
}

// sameToken compares two tokens in constant time, whatever their lengths.
func sameToken(a, b string) bool {
	x, y := DigestOf(a), DigestOf(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
