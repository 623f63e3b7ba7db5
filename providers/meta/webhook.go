package meta

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"wagate/providers/cloudapi"
	"wagate/providers/secret"
)

// SignatureHeader carries the signature of a webhook.
const SignatureHeader = "X-Hub-Signature-256"

// CouldSign reports whether header has the form of a signature. One that has not
// is none, whatever the body.
func CouldSign(header string) bool {
	digest, found := strings.CutPrefix(header, "sha256=")
	raw, err := hex.DecodeString(digest)
	return found && err == nil && len(raw) == sha256.Size
}

// VerifySignature reports whether header is the signature of body, the bytes as
// they were received, under any of the secrets.
func VerifySignature(secrets []string, header string, body []byte) bool {
	digest, found := strings.CutPrefix(header, "sha256=")
	return found && secret.Signed(secrets, digest, body)
}

// Decode splits a verified webhook body into events. An error means that the
// body is no JSON object; bad items are only counted.
func Decode(body []byte) (cloudapi.Batch, error) {
	return cloudapi.Decode(body, cloudapi.Options{})
}

// NewNarrower narrows a body to some of the events that Decode finds in it.
func NewNarrower(body []byte) (*cloudapi.Narrower, error) {
	return cloudapi.NewNarrower(body, cloudapi.Options{})
}
