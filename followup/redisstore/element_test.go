package redisstore

import (
	"encoding/json"
	"strings"
	"testing"

	"wagate/followup"
)

// TestEntryIsReadAsItWasWritten: what has to be escaped is, wherever it stands.
func TestEntryIsReadAsItWasWritten(t *testing.T) {
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
