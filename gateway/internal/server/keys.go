package server

import (
	"crypto/sha256"

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
