package backendtest

import (
	"strings"

	"wagate/providers/providertest"
)

// SignCRM returns a CRM's signature of body: like Meta's, but in bare hex.
func SignCRM(secret, body string) string {
	return strings.TrimPrefix(providertest.Sign(secret, []byte(body)), "sha256=")
}
