package backendtest

import (
	"strings"

	"wagate/providers/providertest"
)

// SignCRM signs as a CRM does: like Meta, but in bare hex.
func SignCRM(secret, body string) string {
	return strings.TrimPrefix(providertest.Sign(secret, []byte(body)), "sha256=")
}
