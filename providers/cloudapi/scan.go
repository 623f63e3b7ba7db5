package cloudapi

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"wagate/providers"
)

// deepest is how deep a body may nest. encoding/json reads 10,000 levels and no more,
// and what is in a body is read again with others around it: in a queue, in a dead
// letter, at the assistant. The quicker validator knows no such bound, and calls
// itself for each bracket that is open.
const deepest = 9_000

// TooDeep reports whether a JSON value nests deeper than what is made of it could be
// read again.
func TooDeep(b []byte) bool {
	if bytes.Count(b, []byte{'{'})+bytes.Count(b, []byte{'['}) <= deepest {
		return false // as nearly always
	}
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = endString(b, i) - 1
		case '{', '[':
			if depth++; depth > deepest {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// valid reports whether the whole of b is one JSON value. Everything below it
// relies on that, and stays within bounds even if it were not so.
func valid(b []byte) bool {
	if bytes.Count(b, []byte{'{'})+bytes.Count(b, []byte{'['}) > deepest {
		return !TooDeep(b) && json.Valid(b)
	}
	return gjson.ValidBytes(b)
}

// sanitised returns b with invalid UTF-8 replaced; encoding/json accepts it.
func sanitised(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	return bytes.ToValidUTF8(b, []byte("\uFFFD"))
}

// member is one member of an object as it came: key with its quotes, raw value.
type member struct {
	key   []byte
	value json.RawMessage
}

// is reports whether the member has this name, however the key is escaped.
func (m member) is(name string) bool {
	k := m.key
	if len(k) == len(name)+2 && string(k[1:len(k)-1]) == name {
		return true
	}
	return bytes.IndexByte(k, '\\') >= 0 && text(k) == name
}

// object is the members of an object, in order.
type object []member

// objectOf returns the members of raw, and false if it is no object.
func objectOf(raw []byte) (object, bool) {
	if !opens(raw, '{') {
		return nil, false
	}
	o := make(object, 0, 6)
	for m := range members(raw) {
		o = append(o, m)
	}
	return o, true
}

// get returns the value of a member, nil if there is none. The last one counts.
func (o object) get(name string) json.RawMessage {
	for _, m := range slices.Backward(o) {
		if m.is(name) {
			return m.value
		}
	}
	return nil
}

// text returns a member that is a string, else "".
func (o object) text(name string) string { return text(o.get(name)) }

// id returns a member that is a string or a number, as text.
func (o object) id(name string) string { return scalar(o.get(name)) }

// lookup follows names down through objects; nil if the path ends early.
func lookup(raw []byte, path ...string) json.RawMessage {
	for _, name := range path {
		var found json.RawMessage
		for m := range members(raw) {
			if m.is(name) {
				found = m.value
			}
		}
		raw = found
	}
	return raw
}

// members ranges over the members of an object; over nothing if raw is none.
func members(raw []byte) iter.Seq[member] {
	return func(yield func(member) bool) {
		if !opens(raw, '{') {
			return
		}
		i := space(raw, space(raw, 0)+1)
		for i < len(raw) && raw[i] == '"' {
			k := end(raw, i)
			v := space(raw, space(raw, k)+1)
			e := end(raw, v)
			if !yield(member{key: raw[i:k], value: slice(raw, v, e)}) {
				return
			}
			i = space(raw, space(raw, e)+1)
		}
	}
}

// elements ranges over the elements of an array; over nothing if raw is none.
func elements(raw []byte) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		if !opens(raw, '[') {
			return
		}
		i := space(raw, space(raw, 0)+1)
		for i < len(raw) && raw[i] != ']' {
			e := end(raw, i)
			if !yield(slice(raw, i, e)) {
				return
			}
			i = space(raw, space(raw, e)+1)
		}
	}
}

// opens reports whether raw is a value that begins with c.
func opens(raw []byte, c byte) bool {
	i := space(raw, 0)
	return i < len(raw) && raw[i] == c
}

// space returns the first index from i on that is no white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// slice returns b[i:e], capped, so that appending to it cannot reach the rest.
func slice(b []byte, i, e int) json.RawMessage {
	i, e = min(i, len(b)), min(e, len(b))
	return b[i:e:e]
}

// end returns the index just past the value that starts at i. It does not
// recurse: nesting costs nothing.
func end(b []byte, i int) int {
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		return endString(b, i)
	case '{', '[':
		depth := 0
		for i < len(b) {
			switch b[i] {
			case '"':
				i = endString(b, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return len(b)
	}
	for i++; i < len(b); i++ {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return i
		}
	}
	return len(b)
}

// endString returns the index just past the string that starts at start. It
// looks for quotes and then back whether they are escaped: long texts, full of
// escapes, are skipped at the speed of IndexByte.
func endString(b []byte, start int) int {
	for i := start + 1; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			break
		}
		i += n
		slashes := 0
		for i-slashes-1 > start && b[i-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
	return len(b)
}

// text returns a JSON string's value, and "" for anything else.
func text(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	raw = raw[1 : len(raw)-1]
	var b strings.Builder
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 && b.Len() == 0 {
			return string(raw) // as most do, without an escape
		}
		if i < 0 {
			b.Write(raw)
			return b.String()
		}
		b.Grow(len(raw))
		b.Write(raw[:i])
		r, n := unescape(raw[i:])
		b.WriteRune(r)
		raw = raw[i+n:]
	}
}

const escapeLength = len(`\u0000`)

// unescape returns the character of the escape that raw begins with, and the length of
// that. Half of a surrogate pair is no character.
func unescape(raw []byte) (r rune, n int) {
	if len(raw) < 2 {
		return utf8.RuneError, len(raw)
	}
	switch raw[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r = codeUnit(raw)
		if !utf16.IsSurrogate(r) {
			return r, min(escapeLength, len(raw))
		}
		if r = utf16.DecodeRune(r, codeUnit(raw[escapeLength:])); r == utf8.RuneError {
			return r, escapeLength
		}
		return r, 2 * escapeLength
	}
	return rune(raw[1]), 2
}

// codeUnit returns the code unit of an escape that raw begins with, U+FFFD if it begins with none.
func codeUnit(raw []byte) rune {
	if len(raw) < escapeLength || raw[0] != '\\' || raw[1] != 'u' {
		return utf8.RuneError
	}
	var unit [2]byte
	if _, err := hex.Decode(unit[:], raw[2:escapeLength]); err != nil {
		return utf8.RuneError
	}
	return rune(unit[0])<<8 | rune(unit[1])
}

// scalar returns a string's value or a number as it is spelled, else "": ids
// that are strings at one provider are numbers at another.
func scalar(raw []byte) string {
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		return string(raw)
	}
	return text(raw)
}

// number returns an integer given as number or string, 0 if it is none.
func number(raw []byte) int {
	n, err := strconv.Atoi(scalar(raw))
	if err != nil {
		return 0
	}
	return n
}

// instant reads a timestamp, string or number.
func instant(raw []byte) time.Time { return providers.Instant(scalar(raw)) }
