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

// text is a JSON string, number or boolean read as a string. Gupshup's samples
// disagree with one another about which fields are quoted, and one wrong guess
// must not lose a message, so every scalar is read through it. Null, objects
// and arrays read as empty.
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

// int returns the value as a whole number, 0 if it is none.
func (t text) int() int {
	n, err := strconv.Atoi(t.String())
	if err != nil {
		return 0
	}
	return n
}

// bool returns the value as a truth value, false if it is none.
func (t text) bool() bool { return strings.EqualFold(t.String(), "true") }

// number returns the value as a JSON number: verbatim where its digits already
// are one, so that no precision is lost. It reports false for anything else.
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

// time returns the value as an instant; zero if it is none that can be believed.
func (t text) time() time.Time { return providers.Instant(t.String()) }

// unix returns an instant as the Cloud API writes it in messages and statuses,
// a string of seconds; empty for the zero time.
func unix(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// read decodes what it can: a member of an unexpected type stays empty and the
// others are read. It reports false if the document is no JSON object.
func read(doc json.RawMessage, into any) bool {
	if !isObject(doc) {
		return false
	}
	err := json.Unmarshal(doc, into)
	_, mismatch := errors.AsType[*json.UnmarshalTypeError](err)
	return err == nil || mismatch
}

// first returns the first value that is not empty.
func first[S ~string](values ...S) S {
	for _, v := range values {
		if strings.TrimSpace(string(v)) != "" {
			return v
		}
	}
	return ""
}

// rename returns the document with every object key, at any depth, passed
// through f. Values stay as they are. Text that is no JSON comes back as null.
func rename(doc json.RawMessage, f func(string) string) json.RawMessage {
	var v any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return json.RawMessage("null")
	}
	return encode(renameValue(v, f))
}

// renameValue is rename on a decoded document.
func renameValue(v any, f func(string) string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		// In order, so that two keys with one new name give one result always.
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

// camel turns country_code into countryCode. wa_id stays: Gupshup's samples
// write it Meta's way among camel-case neighbours.
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

// isScalar reports whether a valid JSON document is anything but null, an
// object, an array or empty text.
func isScalar(doc json.RawMessage) bool {
	var t text
	return json.Unmarshal(doc, &t) == nil && t.String() != ""
}

// encode marshals a value built in this package, without escaping for HTML.
// Its parts are strings, maps and JSON that was valid when it was read, so it
// cannot fail; if it did, null is a value every reader can take.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return json.RawMessage("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}
