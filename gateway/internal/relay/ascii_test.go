package relay

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wagate/followup"
	"wagate/providers"
)

// TestCanonical: strings get one spelling in ASCII, white space goes, and everything else stays as
// it came.
func TestCanonical(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, in, want string }{
		{"latin", `"á"`, `"\u00e1"`},
		{"surrogate pair", `"😀"`, `"\ud83d\ude00"`},
		{"last character of the basic plane", "\"\uffff\"", `"\uffff"`},
		{"upper-case escape", `"\u00E1\uD83D\uDE00"`, `"\u00e1\ud83d\ude00"`},
		{"lone surrogate stays", `"\uD83D!"`, `"\ud83d!"`},
		{"not UTF-8", "\"\xff\"", `"\ufffd"`},
		{"slash as it is", `"a/b\/c"`, `"a/b/c"`},
		{"html as it is", `"\u003cb\u003e\u0026<"`, `"<b>&<"`},
		{"escaped ASCII", `"\u0040\u0022\u005c\u002f"`, `"@\"\\/"`},
		{"short escapes", `"\u0008\u000c\u000a\u000d\u0009\b\f\n\r\t"`, `"\b\f\n\r\t\b\f\n\r\t"`},
		{"other controls", `"\u001F\u0000"`, `"\u001f\u0000"`},
		{"delete", "\"\x7f\"", `"\u007f"`},
		{"backslash before quote", `"\\\""`, `"\\\""`},
		{"white space", "{ \"a b\" :\n[ 1.50E+2 ,\ttrue , null ]\r}", `{"a b":[1.50E+2,true,null]}`},
		{"keys too", `{"ñ":1}`, `{"\u00f1":1}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := string(appendCanonical(nil, []byte(c.in))); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestCanonicalMeansTheSame: for arbitrary values the canonical form is printable ASCII, decodes to
// the same value, and is its own canonical form.
func TestCanonicalMeansTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.String())).Draw(t, "value")
		raw, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got := appendCanonical(nil, raw)
		if i := strings.IndexFunc(string(got), func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
			t.Fatalf("got byte %#x at %d, want printable ASCII", got[i], i)
		}
		var back map[string][]string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("got invalid JSON: %v", err)
		}
		var want map[string][]string
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, want) {
			t.Fatalf("got %q, want %q", back, want)
		}
		if again := appendCanonical(nil, got); string(again) != string(got) {
			t.Fatalf("got %s the second time, want %s", again, got)
		}
	})
}

// TestRender: consecutive events share an entry if account and entry agree. A value that is not
// JSON and an entry that is not a JSON object are errors.
func TestRender(t *testing.T) {
	t.Parallel()
	event := func(account, field, value string) followup.RelayEvent {
		return followup.RelayEvent{Channel: "c", Account: account, Field: field, Value: json.RawMessage(value)}
	}
	entry := func(e followup.RelayEvent, entry string) followup.RelayEvent {
		e.Entry = json.RawMessage(entry)
		return e
	}
	cases := []struct {
		name   string
		events []followup.RelayEvent
		want   string
	}{
		{"none", nil, `{"object":"whatsapp_business_account","entry":[]}`},
		{
			"one",
			[]followup.RelayEvent{event("1", "messages", `{ "t": "é/😀" }`)},
			`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[` +
				`{"field":"messages","value":{"t":"\u00e9/\ud83d\ude00"}}]}]}`,
		},
		{
			"same account shares an entry, order is kept",
			[]followup.RelayEvent{
				event("1", "messages", `1`), event("", "followup", `2`), event("2", "calls", `3`), event("1", "messages", `4`),
			},
			`{"object":"whatsapp_business_account","entry":[` +
				`{"id":"1","changes":[{"field":"messages","value":1}]},` +
				`{"id":"own","changes":[{"field":"followup","value":2}]},` +
				`{"id":"2","changes":[{"field":"calls","value":3}]},` +
				`{"id":"1","changes":[{"field":"messages","value":4}]}]}`,
		},
		{
			"a happening without members",
			[]followup.RelayEvent{event("1", "followup", ` { } `)},
			`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"followup","value":{}}]}]}`,
		},
		{
			"different entry members start a new entry",
			[]followup.RelayEvent{
				entry(event("1", "a", `1`), `{ "time": 17, "n\u00e9w": "é" }`), entry(event("1", "b", `2`), `{"time":17,"néw":"é"}`),
				entry(event("1", "a", `3`), `{"time":18}`), event("1", "a", `4`), entry(event("1", "a", `5`), ` {} `),
			},
			`{"object":"whatsapp_business_account","entry":[` +
				`{"id":"1","time":17,"n\u00e9w":"\u00e9","changes":[{"field":"a","value":1},{"field":"b","value":2}]},` +
				`{"id":"1","time":18,"changes":[{"field":"a","value":3}]},` +
				`{"id":"1","changes":[{"field":"a","value":4},{"field":"a","value":5}]}]}`,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := render(c.events, followup.Channel{ID: "c", Account: "own"})
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	for _, bad := range []string{``, `{`, `{"a":1}x`} {
		if _, err := render([]followup.RelayEvent{event("1", "messages", bad)}, followup.Channel{}); err == nil {
			t.Errorf("value %q: got no error, want one", bad)
		}
	}
	for _, bad := range []string{`{`, `[]`, `7`, `"{}"`, `{"a":1}}`} {
		if _, err := render([]followup.RelayEvent{entry(event("1", "messages", `{}`), bad)}, followup.Channel{}); err == nil {
			t.Errorf("entry %q: got no error, want one", bad)
		}
	}
}

// TestHappeningNamesItsNumber: a follow-up happening names its business number where Meta's values
// do, because bots written for the Cloud API read these members of every value.
func TestHappeningNamesItsNumber(t *testing.T) {
	t.Parallel()
	const happening, members = `{"event":"scheduled","step":1}`, `"event":"scheduled","step":1`
	for name, c := range map[string]struct {
		of   followup.Channel
		want string
	}{
		"at Meta": {
			followup.Channel{ID: "c", Provider: providers.Meta, Number: "109870006543", Account: "own"},
			`{"display_phone_number":"","phone_number_id":"109870006543"}`,
		},
		"at Gupshup": {
			followup.Channel{ID: "c", Provider: providers.Gupshup, Number: "5599000000001", Account: "own"},
			`{"display_phone_number":"5599000000001","phone_number_id":"c"}`,
		},
		"of a channel missing from the file": {
			followup.Channel{ID: "c", Account: "own"}, `{"display_phone_number":"","phone_number_id":"c"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := render([]followup.RelayEvent{{Channel: "c", Field: "followup", Value: json.RawMessage(happening)}}, c.of)
			want := `{"object":"whatsapp_business_account","entry":[{"id":"own","changes":[{"field":"followup","value":` +
				`{"messaging_product":"whatsapp","metadata":` + c.want + `,` + members + `}}]}]}`
			if err != nil || string(got) != want {
				t.Errorf("got  %s %v\nwant %s", got, err, want)
			}
		})
	}
}
