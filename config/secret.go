package config

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
)

// mask replaces every secret that would be printed.
const mask = "***"

// Secret is a text that must not be printed. Formatting, marshalling and logging give a mask; only
// Reveal returns the text.
//
// The value is behind a pointer because fmt, when it prints a struct of another package, reads
// unexported fields without calling their methods. It then prints an address instead of the secret.
type Secret struct{ value *string }

// NewSecret returns s as a secret. The empty text is the zero Secret.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{value: &s}
}

// Reveal returns the secret itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.value == nil }

// String returns a mask, or "" if there is no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return mask
}

// GoString returns a mask.
func (s Secret) GoString() string { return s.String() }

// Format writes a mask for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText returns a mask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns a mask.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalYAML returns a mask.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue returns a mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// KeyDigest is the SHA-256 digest of an API key. A presented key is hashed and looked up by its
// digest, so the duration of the look-up reveals nothing about the configured keys.
type KeyDigest [sha256.Size]byte

// digestKey returns the digest of an API key as a client presents it.
func digestKey(key string) KeyDigest { return sha256.Sum256([]byte(key)) }

// String returns a mask, because a weak key can be guessed from its digest.
func (KeyDigest) String() string { return mask }

// GoString returns a mask.
func (KeyDigest) GoString() string { return mask }

// Format writes a mask for every verb.
func (KeyDigest) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }

// MarshalText returns a mask.
func (KeyDigest) MarshalText() ([]byte, error) { return []byte(mask), nil }

// MarshalYAML returns a mask.
func (KeyDigest) MarshalYAML() (any, error) { return mask, nil }

// LogValue returns a mask.
func (KeyDigest) LogValue() slog.Value { return slog.StringValue(mask) }
