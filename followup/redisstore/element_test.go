package redisstore

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"wagate/followup"
)

// TestEntryTextRoundTrip checks that an entry of a history is read as it was written, wherever a
// character stands that has to be escaped.
func TestEntryTextRoundTrip(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "bom dia", "olá, tudo bem? 👍", `"quoted"`, `C:\temp`, "two\nlines", "\x00\x1f\x7f", "<b>&amp;</b>\u2028",
		"not UTF-8: \xff, \xed\xa0\x80", strings.Repeat("a", 4096) + `"`,
	} {
		want := entry{From: followup.FromLead, At: ms(epoch)}
		if err := json.Unmarshal([]byte(marshal(text)), &want.Text); err != nil {
			t.Fatal(err)
		}
		var got entry
		if err := json.Unmarshal(entryText(&followup.Entry{From: want.From, Text: text, At: epoch}), &got); err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", text, got, err, want)
		}
	}
}

// TestElementTextRoundTrip checks that an element of a queue is read as it was written, also if a
// script or an older program wrote it.
func TestElementTextRoundTrip(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]followup.RelayEvent{
		"a text":     {Channel: "c", Account: "1", Field: "messages", Value: []byte(`{"messages":[{"id":"\u00e1 \" }}"}] }`)},
		"an entry":   {Channel: "c", Account: "1", Entry: []byte(`{"time":1,"v":{}}`), Field: "messages", Value: []byte(`[1]`)},
		"escapes":    {Channel: "c", Account: "\"\\\n", Field: "á\x00", Value: []byte(`"v"`)},
		"a webhook":  {Channel: "c", Field: "f", Raw: &followup.RawWebhook{Body: []byte("\x00\xff"), Narrowed: true, Header: map[string]string{"A": "b"}}},
		"unreadable": {Unreadable: []byte("\x00\xff")},
	} {
		texts := []string{`{"e":` + marshal(want) + `,"t":7}`}
		if want.Unreadable == nil { // an unreadable event is never queued again
			texts = append(texts, string(elementText(&want, time.UnixMilli(7))))
		}
		for _, text := range texts {
			if at, got := element(text); at != 7 || marshal(got) != marshal(want) {
				t.Errorf("%s: got time %d, event %s from %s, want 7, %s", name, at, marshal(got), text, marshal(want))
			}
		}
	}
}
