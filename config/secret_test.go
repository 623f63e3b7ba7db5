package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestI11SecretsAreMasked tries every way in which a secret could be printed by accident.
func TestI11SecretsAreMasked(t *testing.T) {
	t.Parallel()
	const plain = "hunter2"
	type inside struct{ token Secret } // fmt does not call the methods of an unexported field
	s := NewSecret(plain)
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%c"} {
		for _, v := range []any{s, &s, inside{s}, &inside{s}, []Secret{s}, map[string]Secret{"k": s}, Tenant{CRMSecrets: []Secret{s}}} {
			printed = append(printed, fmt.Sprintf(verb, v))
		}
	}
	asJSON, err := json.Marshal(map[string]any{"s": s, "in": Tenant{CRMSecrets: []Secret{s}}, "keys": []KeyDigest{digestKey(plain)}})
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(map[string]any{"s": s, "in": Tenant{CRMSecrets: []Secret{s}}})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "s", s, "p", &s, "in", Tenant{CRMSecrets: []Secret{s}})
	}
	printed = append(printed, string(asJSON), string(asYAML), log.String())
	for _, p := range printed {
		for _, form := range []string{plain, fmt.Sprintf("%x", plain), fmt.Sprintf("%X", plain), fmt.Sprintf("%d", []byte(plain))} {
			if strings.Contains(p, form) {
				t.Errorf("got the secret in: %s", p)
			}
		}
	}
	if got := fmt.Sprintf("%x", digestKey(plain)); got != mask {
		t.Errorf("digest: got %s, want %s", got, mask)
	}
}

// A dump masks every secret and shows the other values.
func TestI11DumpIsMasked(t *testing.T) {
	t.Parallel()
	c := load(t, "full.yaml")
	out, err := c.Dump()
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{
		"hunter2", "pa$$word", "${literal}", "key-1", "crm-secret", "whsec_", "access-token", "callback-value", "query-token", "gupshup-key", "old-",
	} {
		if strings.Contains(string(out), secret) {
			t.Errorf("got secret %s in\n%s", secret, out)
		}
	}
	for _, fact := range []string{"speed: 3600", "durability: replicas:2", "timeout: 45s", "max_lateness: 2h0m0s", "https://bot.example/in", "admin_token:\n  - \"***\"\n"} {
		if !strings.Contains(string(out), fact) {
			t.Errorf("want %s in\n%s", fact, out)
		}
	}
}
