// Package secret checks what a stranger presents against what was agreed with
// him: a token, or an HMAC-SHA256 of the bytes he sent.
//
// While a secret is replaced by another there are two or more. All of them are
// compared whichever fits, each in constant time: how long it takes tells how
// many there are and nothing else. An empty secret is none, and never fits.
package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// Presented reports whether token is one of the secrets.
func Presented(secrets []string, token string) bool {
	// Hashed first: a comparison of different lengths would end early.
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

// Signed reports whether digest, in hex, is that of body, the bytes as they
// were received, under one of the secrets.
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
