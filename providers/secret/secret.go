// Package secret verifies what a stranger presents against the agreed secrets: a token, or an
// HMAC-SHA256 of the bytes sent.
//
// During a rotation there are several secrets. All of them are compared, whether or not one has
// matched, each in constant time. The duration therefore reveals how many secrets there are, and
// nothing else. An empty secret never matches.
package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// Presented reports whether token is one of the secrets.
func Presented(secrets []string, token string) bool {
	// Compare hashes: a comparison of different lengths would end early.
	got := sha256.Sum256([]byte(token))
	fits := 0
	for _, s := range secrets {
		if s == "" {
			continue
		}
		want := sha256.Sum256([]byte(s))
		fits |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	return fits == 1
}

// Signed reports whether digest, in hex, is the HMAC-SHA256 of body under one of the secrets. Body
// must be the bytes as received.
func Signed(secrets []string, digest string, body []byte) bool {
	got, err := hex.DecodeString(digest)
	if err != nil {
		return false
	}
	fits := 0
	for _, s := range secrets {
		if s == "" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(s))
		mac.Write(body)
		fits |= subtle.ConstantTimeCompare(got, mac.Sum(nil))
	}
	return fits == 1
}
