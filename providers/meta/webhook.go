package meta

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"

	"wagate/providers/cloudapi"
)

// VerifySignature reports whether header (X-Hub-Signature-256) is the signature
// of body, the bytes as they were received, under any of the secrets. Empty
// secrets never match. The time it takes tells nothing but how many secrets there
// are.
func VerifySignature(secrets []string, header string, body []byte) bool {
	digest, found := strings.CutPrefix(header, "sha256=")
	if !found || len(digest) != hex.EncodedLen(sha256.Size) {
		return false
	}
	got, err := hex.DecodeString(digest)
	if err != nil {
		return false
	}
	valid := 0
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		valid |= subtle.ConstantTimeCompare(got, mac.Sum(nil))
	}
	return valid == 1
}

// VerifyToken reports whether a handshake's token is the configured one. An
// empty configured token never matches.
func VerifyToken(want, got string) bool {
	if want == "" {
		return false
	}
	// Hashed first: a comparison of different lengths would end early.
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(got))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Decode splits a verified webhook body into events. An error means that the
// body is no JSON object; bad items are only counted.
func Decode(body []byte) (cloudapi.Batch, error) {
	return cloudapi.Decode(body, cloudapi.Options{})
}
