package meta

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"wagate/providers/cloudapi"
	"wagate/providers/secret"
)

// SignatureHeader is the header with the signature of a webhook.
const SignatureHeader = "X-Hub-Signature-256"

// CouldSign reports whether header has the form of a signature. A header without that form cannot
// be a valid signature of any body.
func CouldSign(header string) bool {
	digest, found := strings.CutPrefix(header, "sha256=")
	raw, err := hex.DecodeString(digest)
	return found && err == nil && len(raw) == sha256.Size
}

// VerifySignature reports whether header is the signature of body under any of the secrets. Body
// must be the bytes as received.
func VerifySignature(secrets []string, header string, body []byte) bool {
	digest, found := strings.CutPrefix(header, "sha256=")
	return found && secret.Signed(secrets, digest, body)
}

// Decode splits a verified webhook body into events. It returns an error if the body is not a JSON
// object. Malformed items are only counted.
func Decode(body []byte) (cloudapi.Batch, error) {
	return cloudapi.Decode(body, cloudapi.Options{})
}

// NewNarrower returns a Narrower, which reduces the body to some of the events that Decode finds in
// it.
func NewNarrower(body []byte) (*cloudapi.Narrower, error) {
	return cloudapi.NewNarrower(body, cloudapi.Options{})
}
