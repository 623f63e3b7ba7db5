package relay

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"wagate/followup"
	"wagate/providers/meta"
)

// FuzzRender: whatever was settled, the body of its delivery is ASCII JSON with the same meaning,
// in the same order. The body is its own canonical form, and its signatures verify under each of
// the secrets.
func FuzzRender(f *testing.F) {
	f.Add("310000000000001", "", "messages", []byte(nil), []byte(`{"messages":[{"text":{"body":"é / 😀"}}]}`), []byte(`[ 1.50e2, true, null ]`))
	f.Add("1", "2", "calls", []byte(`{"time":1790000000, "n\u00e9w":"\ud83d"}`), []byte(`"\u00E1\uD83D\uDE00\uD83D!\u0000\/"`), []byte("\"\xff\x7f\\\\\""))
	f.Add("\"\\", "\xff", "\u2028<b>&", []byte(`{}`), []byte(`{"a":1,"a":2}`), []byte(`-0.0E+00`))
	f.Add("", "", "", []byte(`[]`), []byte(`{`), []byte(``))
	secrets := []string{"current", "whsec_b2xkIG9uZQ=="}
	s, err := newSigner(secrets)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, account, other, field string, entry, first, second []byte) {
		events := []followup.RelayEvent{
			{Account: account, Entry: entry, Field: field, Value: first},
			{Account: account, Entry: entry, Field: field, Value: second},
			{Account: other, Field: field, Value: first},
		}
		rest, good := decoded(entry).(map[string]any)
		good = good || len(entry) == 0
		good = good && json.Valid(first) && json.Valid(second)
		for _, own := range []string{"id", "changes"} {
			if _, twice := rest[own]; twice {
				t.Skip("the entry has a member twice, and decoding keeps only one of them")
			}
		}
		body, err := render(events, followup.Channel{Account: "own"})
		if (err == nil) != good {
			t.Fatalf("got error %v, want one: %v", err, !good)
		}
		if err != nil {
			return
		}
		if i := bytes.IndexFunc(body, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
			t.Fatalf("got byte %#x at %d, want printable ASCII", body[i], i)
		}
		if again := appendCanonical(nil, body); !bytes.Equal(again, body) {
			t.Errorf("got %s the second time, want %s", again, body)
		}
		if got, want := decoded(body), envelope(events); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		wantSigned(t, s, body, secrets)
	})
}

// envelope returns what the body of a delivery of the events must decode to.
func envelope(events []followup.RelayEvent) any {
	var entries []any
	var changes []any
	var open map[string]any // the last entry, without its changes
	end := func() {
		if open != nil {
			open["changes"] = changes
			entries = append(entries, open)
		}
	}
	for _, e := range events {
		begin := map[string]any{"id": text(e.Account)}
		if e.Account == "" {
			begin["id"] = "own"
		}
		rest, _ := decoded(e.Entry).(map[string]any)
		maps.Copy(begin, rest)
		if open == nil || !reflect.DeepEqual(begin, open) {
			end()
			open, changes = begin, nil
		}
		changes = append(changes, map[string]any{"field": text(e.Field), "value": decoded(e.Value)})
	}
	end()
	return map[string]any{"object": "whatsapp_business_account", "entry": entries}
}

// decoded returns the value of a JSON text, with numbers as they are spelled, or nil if the text is
// not JSON.
func decoded(raw []byte) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if !json.Valid(raw) || d.Decode(&v) != nil {
		return nil
	}
	return v
}

// text returns the string as it reads after a round trip through JSON.
func text(s string) any {
	raw, _ := json.Marshal(s) //nolint:errchkjson // a string always marshals
	return decoded(raw)
}

// wantSigned checks that the signatures of the body verify: Meta's with the first secret, the
// Standard Webhooks ones with each.
func wantSigned(t *testing.T, s signer, body []byte, secrets []string) {
	t.Helper()
	h := http.Header{}
	if err := s.sign(h, "msg_1", time.Now(), body); err != nil {
		t.Fatal(err)
	}
	if !meta.VerifySignature(secrets[:1], h.Get(meta.SignatureHeader), body) {
		t.Errorf("%s does not verify", meta.SignatureHeader)
	}
	for _, secret := range secrets {
		hook, err := standardwebhooks.NewWebhookRaw(webhookKey(secret))
		if err != nil {
			t.Fatal(err)
		}
		if err := hook.Verify(body, h); err != nil {
			t.Errorf("Standard Webhooks: %v", err)
		}
	}
}
