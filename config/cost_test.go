package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestLargeFileAllocations bounds what reading one more channel costs, because each replica reads
// the file before it listens.
func TestLargeFileAllocations(t *testing.T) {
	file := func(channels int) []byte {
		var b strings.Builder
		b.WriteString("redis: {url: \"redis://127.0.0.1:6379\"}\n" +
			"ai: {base_url: \"https://ai.example/v1\", api_key: \"k\", model: m}\n" +
			"meta_apps: [{key: main, app_secret: a, verify_token: v}]\n" +
			"tenants:\n  - id: 11111111-1111-4111-8111-111111111111\n    name: Acme\n    api_keys: [k]\n" +
			"    assistants: [{id: 22222222-2222-4222-8222-222222222222, name: S, url: \"https://bot.example\", secret: s}]\n    channels:\n")
		for i := range channels {
			fmt.Fprintf(&b, "      - {id: 33333333-3333-4333-8333-%012d, name: One, provider: meta, app: main, phone_number_id: \"1%d\","+
				" waba_id: \"2\", access_token: \"${TOKEN}\", assistant_id: 22222222-2222-4222-8222-222222222222}\n", i, i)
		}
		return []byte(b.String())
	}
	allocations := func(data []byte) float64 {
		return testing.AllocsPerRun(5, func() {
			if _, err := Parse(data, func(string) (string, bool) { return "tok", true }); err != nil {
				t.Fatal(err)
			}
		})
	}
	const few, many, most = 10, 110, 500
	if each := (allocations(file(many)) - allocations(file(few))) / (many - few); each > most {
		t.Errorf("got %.0f allocations per channel, want at most %d", each, most)
	}
}
