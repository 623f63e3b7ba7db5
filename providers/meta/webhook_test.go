package meta_test

import (
	"regexp"
	"strings"
	"testing"

	"wagate/providers/meta"
	"wagate/providers/providertest"
)

var hexadecimal = regexp.MustCompile(`^sha256=[0-9a-f]+$`)

// VerifySignature accepts the HMAC of the exact bytes with any of the secrets, and nothing else.
func TestVerifySignature(t *testing.T) {
	t.Parallel()
	const secret = "unit-secret-1"
	vectors := []struct{ body, digest string }{
		{`{"object":"whatsapp_business_account","entry":[]}`, "5f5d7c271ed28712de61dc8347dbb8da205e0ea2828933e9de3081b5c0b899e4"},
		{`{"object":"whatsapp_business_account", "entry":[]}`, "577b1ca858b573dec22b947b18557945b011e945c76a7a1d014e458c08abcabc"},
		{`{"t":"\u00e1\ud83d\ude00 a\/b"}`, "e12bd58b388d07f339ceaba13ab2cb2673df0624c2ed6413c95b1e1db430ed41"},
		{`{"t":"á😀 a/b"}`, "0f7de36dce4ae5377eb47a202e664c5bb37b31e51e1ff1fc3f2ea09b9ce38309"},
	}
	for i, v := range vectors {
		if !meta.VerifySignature([]string{secret}, "sha256="+v.digest, []byte(v.body)) {
			t.Errorf("vector %d: got false, want true", i)
		}
		if got, want := providertest.Sign(secret, []byte(v.body)), "sha256="+v.digest; got != want {
			t.Errorf("vector %d: signer got %s, want %s", i, got, want)
		}
		other := vectors[(i+1)%len(vectors)]
		if meta.VerifySignature([]string{secret}, "sha256="+other.digest, []byte(v.body)) {
			t.Errorf("vector %d: got the signature of another body accepted, want it refused", i)
		}
	}
	body, good := []byte(vectors[0].body), "sha256="+vectors[0].digest
	for name, test := range map[string]struct {
		secrets []string
		header  string
		want    bool
	}{
		"rotation, old":    {[]string{"new", secret}, good, true},
		"rotation, new":    {[]string{secret, "old"}, good, true},
		"listed twice":     {[]string{secret, secret}, good, true},
		"no secret":        {nil, good, false},
		"wrong secret":     {[]string{"unit-secret-2"}, good, false},
		"empty secret":     {[]string{""}, providertest.Sign("", body), false},
		"no header":        {[]string{secret}, "", false},
		"no prefix":        {[]string{secret}, vectors[0].digest, false},
		"sha1 prefix":      {[]string{secret}, "sha1=" + vectors[0].digest, false},
		"prefix only":      {[]string{secret}, "sha256=", false},
		"too short":        {[]string{secret}, good[:len(good)-2], false},
		"too long":         {[]string{secret}, good + "00", false},
		"not hexadecimal":  {[]string{secret}, "sha256=" + strings.Repeat("zz", 32), false},
		"last digit wrong": {[]string{secret}, good[:len(good)-1] + "5", false},
		"blank before":     {[]string{secret}, " " + good, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := meta.VerifySignature(test.secrets, test.header, body); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			// CouldSign has no body to check, so it refuses only what cannot be a signature at all.
			if got, want := meta.CouldSign(test.header), len(test.header) == len(good) && hexadecimal.MatchString(test.header); got != want {
				t.Errorf("CouldSign: got %v, want %v", got, want)
			}
		})
	}
}

// FuzzVerify checks that exactly the right signature is accepted, in either case of its digits.
func FuzzVerify(f *testing.F) {
	f.Add("unit-secret-1", "sha256=5f5d7c271ed28712de61dc8347dbb8da205e0ea2828933e9de3081b5c0b899e4", []byte(`{}`))
	f.Add("", "", []byte(nil))
	f.Fuzz(func(t *testing.T, secret, header string, body []byte) {
		signature := providertest.Sign(secret, body)
		// A digest in upper case is the same signature.
		if got, want := meta.VerifySignature([]string{secret}, header, body), secret != "" && strings.HasPrefix(header, "sha256=") &&
			strings.EqualFold(header, signature); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		if secret != "" && !meta.VerifySignature([]string{"", "x", secret}, signature, body) {
			t.Error("got a good signature refused, want it accepted")
		}
	})
}

// Decode reads the Cloud API's envelope.
func TestDecodeEnvelope(t *testing.T) {
	t.Parallel()
	b, err := meta.Decode([]byte(`{"entry":[{"id":"1","changes":[{"field":"account_alerts","value":{"x":1}},5]}]}`))
	if err != nil || len(b.Events) != 1 || b.Skipped != 1 {
		t.Errorf("got %+v, %v, want one event and one skipped", b, err)
	}
}
