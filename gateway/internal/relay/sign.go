package relay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"wagate/gateway/internal/webhook"
)

// signer signs deliveries to one assistant, in Meta's way and in that of Standard Webhooks. While a
// secret is rotated there are several. Meta's header has room for one signature, made with the
// first secret; Standard Webhooks carries one signature for each.
type signer struct {
	secret []byte
	hooks  []*standardwebhooks.Webhook
}

func newSigner(secrets []string) (signer, error) {
	var s signer
	for i, secret := range secrets {
		if secret == "" {
			return signer{}, fmt.Errorf("secret %d is empty", i)
		}
		hook, err := standardwebhooks.NewWebhookRaw(webhookKey(secret))
		if err != nil {
			return signer{}, fmt.Errorf("secret %d cannot be used", i) // err may show the secret
		}
		s.hooks = append(s.hooks, hook)
	}
	if len(s.hooks) == 0 {
		return signer{}, fmt.Errorf("no secret")
	}
	s.secret = []byte(secrets[0])
	return s, nil
}

// webhookKey returns the Standard Webhooks key of a secret: the part behind whsec_, decoded from
// base64, or else the secret's own bytes.
func webhookKey(secret string) []byte {
	if rest, ok := strings.CutPrefix(secret, "whsec_"); ok {
		if key, err := base64.StdEncoding.DecodeString(rest); err == nil && len(key) > 0 {
			return key
		}
	}
	return []byte(secret)
}

// sign sets the signature headers for a delivery sent at the given instant.
func (s signer) sign(h http.Header, id string, at time.Time, body []byte) error {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write(body)
	h.Set(webhook.Signature256, "sha256="+hex.EncodeToString(mac.Sum(nil)))

	signatures := make([]string, 0, len(s.hooks))
	for _, hook := range s.hooks {
		signature, err := hook.Sign(id, at, body)
		if err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		signatures = append(signatures, signature)
	}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}
