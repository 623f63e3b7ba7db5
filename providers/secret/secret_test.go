package secret_test

import (
	"strings"
	"testing"

	"wagate/providers/providertest"
	"wagate/providers/secret"
)

// Each row holds for tokens and for signatures: any of the secrets is accepted, wherever it stands
// in the list, and an empty secret counts as none.
func TestAnyFits(t *testing.T) {
	t.Parallel()
	body := []byte(`{"a":1}`)
	for _, c := range []struct {
		name      string
		secrets   []string
		presented string // the token, or what the body is signed with
		want      bool
	}{
		{"the only one", []string{"tok"}, "tok", true},
		{"the first of two", []string{"tok", "old"}, "tok", true},
		{"the last of two", []string{"new", "tok"}, "tok", true},
		{"the middle of three", []string{"new", "tok", "old"}, "tok", true},
		{"twice in the list", []string{"tok", "tok"}, "tok", true},
		{"beside an empty one", []string{"", "tok", ""}, "tok", true},
		{"a prefix", []string{"tok", "old"}, "to", false},
		{"one more letter", []string{"tok", "old"}, "tokk", false},
		{"two joined", []string{"tok", "old"}, "tokold", false},
		{"another token", []string{"tok", "old"}, "abc", false},
		{"empty", []string{"tok", "old"}, "", false},
		{"empty, empty secret", []string{""}, "", false},
		{"a token, empty secret", []string{""}, "tok", false},
		{"no secrets", nil, "tok", false},
		{"empty, no secrets", nil, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := secret.Presented(c.secrets, c.presented); got != c.want {
				t.Errorf("token: got %v, want %v", got, c.want)
			}
			digest := strings.TrimPrefix(providertest.Sign(c.presented, body), "sha256=")
			if got := secret.Signed(c.secrets, digest, body); got != c.want {
				t.Errorf("signature: got %v, want %v", got, c.want)
			}
		})
	}
}

// Signed reads a digest of exactly 64 hexadecimal digits, in either case.
func TestSignedReadsHex(t *testing.T) {
	t.Parallel()
	body := []byte(`{"a":1}`)
	good := strings.TrimPrefix(providertest.Sign("tok", body), "sha256=")
	for _, c := range []struct {
		name, digest string
		want         bool
	}{
		{"lower case", good, true},
		{"upper case", strings.ToUpper(good), true},
		{"empty", "", false},
		{"not hexadecimal", strings.Repeat("zz", 32), false},
		{"half a byte short", good[:63], false},
		{"half of it", good[:32], false},
		{"a byte too long", good + "00", false},
		{"blank before it", " " + good, false},
	} {
		if got := secret.Signed([]string{"tok"}, c.digest, body); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
