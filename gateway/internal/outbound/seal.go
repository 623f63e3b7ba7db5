package outbound

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// stored is an answer with what has to be kept of it for requests that repeat its key. It names the
// contact and the message, and the erasure of the lead does not reach it. So it is sealed before it
// is stored, and only the request that it answers opens it.
type stored struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

// sealed is the first byte of a sealed answer and says how it is sealed. No JSON begins with it, so
// a program from before answers were sealed fails to decode the answer, and asks to try again.
const sealed = 1

// seal returns an answer in the form in which it is stored.
func seal(r Request, s stored) ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	c, err := cipherFor(r)
	if err != nil {
		return nil, err
	}
	return c.Seal([]byte{sealed}, nil, b, nil), nil //nolint:gosec // the cipher itself makes a random nonce
}

// unseal returns the answer to a request from its stored form. An answer that is not sealed is of a
// program from before answers were, with which this one may share a Redis during a rolling update.
func unseal(r Request, b []byte) (stored, error) {
	if len(b) > 0 && b[0] == sealed {
		c, err := cipherFor(r)
		if err != nil {
			return stored{}, err
		}
		if b, err = c.Open(nil, nil, b[1:], nil); err != nil {
			return stored{}, fmt.Errorf("unseal stored answer: %w", err)
		}
	}
	var s stored
	if err := json.Unmarshal(b, &s); err != nil {
		return stored{}, fmt.Errorf("decode stored answer: %w", err)
	}
	if s.Status == 0 {
		return stored{}, errors.New("decode stored answer: it has no status")
	}
	return s, nil
}

// cipherFor returns the cipher for the answer to a request. Its key is derived from the whole
// request. The fingerprint, which is stored beside the answer, is derived from number and body, so
// these alone must not be enough: the Idempotency-Key, of which the store keeps only a digest,
// belongs to the secret. It is not HKDF's salt, because HMAC replaces a long one by its SHA-256,
// and that is what the digest is taken from. The seal is as good as the whole request is hard to
// guess: who guesses it right has the request.
func cipherFor(r Request) (cipher.AEAD, error) {
	secret := slices.Concat([]byte(r.IdempotencyKey+"\n"+r.Number+"\n"), r.Body)
	key, err := hkdf.Key(sha256.New, secret, nil, "wagate answer of an idempotent request", 32) // AES-256
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block) // the same request may be answered again once its key is forgotten
}
