package outbound

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
)

// members reads one JSON object into a map by the exact names of its members. Decoding into a
// struct would not do that: it takes NAME for name. Members that are null are left out, because
// clients write null for what they omit. twin is the first name that occurs twice, possibly in
// different letter case; it is "" if none does. ok is false if raw is not one JSON object.
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

// fold returns the same string for all names that encoding/json takes for the same member.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		least := c
		for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, name)
}

// text reads a string. It returns "" if raw is absent, and false if raw is not a string.
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
