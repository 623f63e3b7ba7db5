package followup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// The bounds of a config's body.
const (
	MaxBody     = 256 << 10 // bytes
	maxDepth    = 16
	maxProblems = 100 // further problems are not listed
)

// Problem is one error in a body, at the path of its field.
type Problem struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
	// Missing is true if a required field was not sent. If all problems of an answer are Missing, the
	// answer is a MISSING_FIELD, otherwise a VALIDATION_ERROR.
	Missing bool `json:"-"`
}

// wholeBody is the path of a problem that concerns the whole body.
const wholeBody = "body"

// problems collects problems, up to maxProblems.
type problems []Problem

func (p *problems) add(path, format string, args ...any) {
	p.put(Problem{Field: path, Problem: fmt.Sprintf(format, args...)})
}

func (p *problems) missing(path string) {
	p.put(Problem{Field: path, Problem: "is required", Missing: true})
}

func (p *problems) put(one Problem) {
	if len(*p) < maxProblems {
		*p = append(*p, one)
	}
}

// member is one member of an object, in the order of the body.
type member struct {
	key   string
	value any
}

// object is a JSON object that keeps the order of its members. Other values have the types that
// encoding/json gives them: []any, string, json.Number, bool, nil.
type object []member

func (o object) get(key string) (any, bool) {
	for _, m := range o {
		if m.key == key {
			return m.value, true
		}
	}
	return nil, false
}

// parseBody parses a JSON object. A key given twice is a problem at its path, because it is unclear
// which of the two was meant; the first value is kept. If the body is malformed in any other way,
// that is the only problem reported.
//
// Decoding into a struct with encoding/json would not do: it ignores the case of keys, takes the last
// of two equal keys, stops at the first wrong type and reports the types of Go.
func parseBody(body []byte, p *problems) (object, bool) {
	fail := func(format string, args ...any) (object, bool) {
		*p = nil
		p.add(wholeBody, format, args...)
		return nil, false
	}
	if len(body) > MaxBody {
		return fail("is larger than %d bytes", MaxBody)
	}
	if !utf8.Valid(body) {
		return fail("is not valid UTF-8")
	}
	var raw json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok && len(bytes.TrimSpace(body)) > 0 {
			return fail("is not valid JSON, at byte %d", syntax.Offset)
		}
		return fail("is not valid JSON")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := parseValue(d, "", maxDepth, p)
	if errors.Is(err, errDepth) {
		return fail("is nested deeper than %d levels", maxDepth)
	}
	if err != nil {
		return fail("is not valid JSON")
	}
	o, ok := v.(object)
	if !ok {
		return fail("must be an object")
	}
	return o, true
}

var errDepth = errors.New("followup: body too deep")

func parseValue(d *json.Decoder, path string, depth int, p *problems) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == 0 {
		return nil, errDepth
	}
	if delim == '[' {
		return parseArray(d, path, depth, p)
	}
	return parseObject(d, path, depth, p)
}

func parseArray(d *json.Decoder, path string, depth int, p *problems) ([]any, error) {
	out := []any{}
	for d.More() {
		v, err := parseValue(d, indexPath(path, len(out)), depth-1, p)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := d.Token()
	return out, err
}

func parseObject(d *json.Decoder, path string, depth int, p *problems) (object, error) {
	var out object
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := t.(string)
		if !ok {
			return nil, io.ErrUnexpectedEOF
		}
		at := joinPath(path, keyPath(key))
		v, err := parseValue(d, at, depth-1, p)
		if err != nil {
			return nil, err
		}
		if seen[key] {
			p.add(at, "is given twice")
			continue
		}
		seen[key] = true
		out = append(out, member{key, v})
	}
	_, err := d.Token()
	return out, err
}

func indexPath(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// keyPath returns a key as it is shown in a path: unchanged if it is a plain name, else quoted and
// shortened, because the client chose it.
func keyPath(key string) string {
	const most = 40
	plain := key != "" && len(key) <= most
	for _, r := range key {
		plain = plain && (r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}
	if plain {
		return key
	}
	return strconv.QuoteToASCII(shorten(key))
}

// typeName returns the name of a value's JSON type, for a problem.
func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	case []any:
		return "an array"
	}
	return "an object"
}

// joinPath returns the path of a field of the value at path. Either may be empty.
func joinPath(path, field string) string {
	if path == "" || field == "" {
		return path + field
	}
	return path + "." + field
}
