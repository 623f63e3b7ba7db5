package server

import (
	"crypto/sha256"

	"wagate/followup"
)

// Keys tells which tenant an API key belongs to.
type Keys interface {
	Tenant(token string) (followup.TenantID, bool)
}

// Digest is the SHA-256 of an API key.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a key.
func DigestOf(token string) Digest { return sha256.Sum256([]byte(token)) }

// KeyRing holds the API keys of all tenants, as digests.
type KeyRing struct{ tenants map[Digest]followup.TenantID }

// NewKeyRing returns a ring with the given keys.
func NewKeyRing(tenants map[Digest]followup.TenantID) *KeyRing { return &KeyRing{tenants: tenants} }

// Tenant returns the tenant that the key belongs to. The time that it takes tells nothing about a
// key: the token is hashed first, and the map sees digests only.
func (k *KeyRing) Tenant(token string) (followup.TenantID, bool) {
	if token == "" {
		return "", false
	}
	t, ok := k.tenants[DigestOf(token)]
	return t, ok
}
