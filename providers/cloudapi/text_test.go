package cloudapi

import (
	"encoding/json"
	"testing"
)

// FuzzText checks that text reads a string as encoding/json does.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		`""`, `"a"`, `"\n\t\"\\\/\b\f\r"`, `"\u00e1\u0041"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83d\u0041"`, `"\uD83Dx\uDE00"`,
		`"\\ud83d"`, `"é\u2028"`, `"\u0000"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = sanitised(raw)
		var want string
		if !valid(raw) || raw[0] != '"' || json.Unmarshal(raw, &want) != nil {
			return
		}
		if raw[len(raw)-1] != '"' {
			return // followed by white space, which no value that is read has
		}
		if got := text(raw); got != want {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	})
}
