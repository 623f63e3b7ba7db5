package ingest

import (
	"crypto/sha256"
	"crypto/subtle"
)

// anyToken reports whether token is one of the tokens, in constant time but for
// the number of them. An empty one never fits.
func anyToken(tokens []string, token string) bool {
	// Hashes are compared, because ConstantTimeCompare tells lengths apart.
	got := sha256.Sum256([]byte(token))
	fits := false
	for _, t := range tokens {
		want := sha256.Sum256([]byte(t))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 && t != "" {
			fits = true
		}
	}
	return fits
}
