package gupshup

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"wagate/providers"
)

// text is a JSON string, number or boolean, read as a string. Gupshup's samples disagree about
// which fields are quoted, and a wrong guess must not lose a message, so every scalar is read as
// text. Null, objects and arrays read as empty.
type text string

// UnmarshalJSON never fails on valid JSON.
func (t *text) UnmarshalJSON(b []byte) error {
	switch b = bytes.TrimSpace(b); {
	case len(b) == 0 || b[0] == 'n' || b[0] == '{' || b[0] == '[':
		*t = ""
	case b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = text(s)
	default:
		*t = text(b)
	}
	return nil
}

// String returns the value without surrounding white space.
func (t text) String() string { return strings.TrimSpace(string(t)) }

// int returns the value as an integer, 0 if it is not one.
func (t text) int() int {
	n, err := strconv.Atoi(t.String())
	if err != nil {
		return 0
	}
	return n
}

// bool returns the value as a boolean, false if it is not one.
func (t text) bool() bool { return strings.EqualFold(t.String(), "true") }

// number returns the value as a JSON number. If the text already is one, it is kept as it is, so
// that no precision is lost. number returns false for anything else.
func (t text) number() (json.RawMessage, bool) {
	s := t.String()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, false
	}
	if json.Valid([]byte(s)) {
		return json.RawMessage(s), true
	}
	return json.RawMessage(strconv.FormatFloat(f, 'f', -1, 64)), true
}

// time returns the value as an instant; zero if it is not credible.
func (t text) time() time.Time { return providers.Instant(t.String()) }

// unix returns an instant as the Cloud API writes it in messages and statuses: a string of seconds,
// empty for the zero time.
func unix(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// read decodes doc. A member of an unexpected type stays empty and the others are decoded. read
// returns false if doc is not a JSON object.
func read(doc json.RawMessage, into any) bool {
	if !isObject(doc) {
		return false
	}
	err := json.Unmarshal(doc, into)
	_, mismatch := errors.AsType[*json.UnmarshalTypeError](err)
	return err == nil || mismatch
}

// first returns the first value that is not blank, "" if there is none.
func first[S ~string](values ...S) S {
	for _, v := range values {
		if strings.TrimSpace(string(v)) != "" {
			return v
		}
	}
	return ""
}

// rename returns a document with f applied to every object key at any depth. Values stay as they
// are. If doc is not JSON, the result is null.
func rename(doc json.RawMessage, f func(string) string) json.RawMessage {
	var v any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return json.RawMessage("null")
	}
	return encode(renameValue(v, f))
}

// renameValue is rename for a decoded document.
func renameValue(v any, f func(string) string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		// Sorted, so that two keys that map to the same name always give the same result.
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out[f(k)] = renameValue(v[k], f)
		}
		return out
	case []any:
		for i, e := range v {
			v[i] = renameValue(e, f)
		}
	}
	return v
}

// snake turns countryCode into country_code.
func snake(s string) string {
	var b strings.Builder
	prev := '_'
	for _, r := range s {
		if unicode.IsUpper(r) && prev != '_' && !unicode.IsUpper(prev) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
		prev = r
	}
	return b.String()
}

// camel turns country_code into countryCode. It keeps wa_id, which Gupshup's samples write in
// Meta's form among camel-case members.
func camel(s string) string {
	if s == "wa_id" {
		return s
	}
	var b strings.Builder
	up := false
	for _, r := range s {
		switch {
		case r == '_':
			up = true
		case up:
			b.WriteRune(unicode.ToUpper(r))
			up = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isObject reports whether a valid JSON document is an object.
func isObject(doc json.RawMessage) bool {
	doc = bytes.TrimSpace(doc)
	return len(doc) > 0 && doc[0] == '{'
}

// isScalar reports whether a valid JSON document is a scalar other than null or an empty string.
func isScalar(doc json.RawMessage) bool {
	var t text
	return json.Unmarshal(doc, &t) == nil && t.String() != ""
}

// encode marshals a value built in this package, without escaping for HTML. The value consists of
// strings, maps and JSON that was valid when it was read, so marshalling cannot fail. If it did,
// the result would be null, which every reader accepts.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return json.RawMessage("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}
