package outbound

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
)

// members reads one JSON object by the exact names of its members, which
// decoding into a struct does not do: there NAME is name. What is null is absent, as
// clients write that for what they leave out. twin is a name that
// is there a second time, be it in other letters' case; "" if there is none.
func members(raw []byte) (fields map[string]json.RawMessage, twin string, ok bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') || !json.Valid(raw) {
		return nil, "", false
	}
	fields = map[string]json.RawMessage{}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, isName := t.(string)
		var value json.RawMessage
		if err != nil || !isName || d.Decode(&value) != nil {
			return nil, "", false
		}
		if f := fold(name); !seen[f] {
			seen[f] = true
		} else if twin == "" {
			twin = name
		}
		if string(value) != "null" {
			fields[name] = value
		}
	}
	return fields, twin, true
}

// fold returns what all names have in common that encoding/json takes for one.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		least := c
		for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, name)
}

// text reads a string that may be absent: then it is "".
func text(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 {
		return "", true
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}
