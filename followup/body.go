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
	maxProblems = 100 // more are not listed; nobody reads on
)

// Problem is one thing wrong with a body, at the path of its field.
type Problem struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
	// Missing is true if a required field was not sent. An answer whose
	// problems are all of this sort is a MISSING_FIELD, any other a
	// VALIDATION_ERROR.
	Missing bool `json:"-"`
}

// wholeBody is the path of a problem with the body as such.
const wholeBody = "body"

// problems gathers what is wrong, up to a bound.
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

// object is a JSON object that remembers its order. Other values are as
// encoding/json has them: []any, string, json.Number, bool, nil.
type object []member

func (o object) get(key string) (any, bool) {
	for _, m := range o {
		if m.key == key {
			return m.value, true
		}
	}
	return nil, false
}

// parseBody reads a JSON object. A key given twice is a problem at its path
// (which of the two was meant?); the first stands. Any other flaw of form is the only
// problem reported.
//
// encoding/json into a struct would not do: it ignores the case of keys, takes
// the last of two, stops at the first wrong type and names Go's types.
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

// keyPath shows a key in a path: as it stands if it is a plain name, else
// quoted and shortened, for a stranger chose it.
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

// typeName names the JSON type of a value in a problem.
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

// joinPath names a field of what stands at path; either may be empty.
func joinPath(path, field string) string {
	if path == "" || field == "" {
		return path + field
	}
	return path + "." + field
}
