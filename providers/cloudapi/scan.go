package cloudapi

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// deepest is how deep a body may nest. encoding/json reads 10,000 levels and no more,
// and what is in a body is read again with others around it: in a queue, in a dead
// letter, at the assistant. The validator knows no such bound, and calls itself for
// each bracket that is open: as far as a body is valid, TooDeep counts the same ones.
const deepest = 9_000

// longest is how long a body may be, in bytes: far beyond what is let in. A value's place
// in it takes 32 bits, also once invalid UTF-8 was replaced, three bytes for one at worst.
const longest = 1 << 29

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
func valid(b []byte) bool { return len(b) <= longest && !TooDeep(b) && gjson.ValidBytes(b) }

// sanitised returns b with invalid UTF-8 replaced; encoding/json accepts it.
func sanitised(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	return bytes.ToValidUTF8(b, []byte("\uFFFD"))
}

// value is a value in a body that was read, or the name of a member. The zero value is
// one that is not there.
type value struct {
	*reading

	at int32 // its token
}

// reading is a body with its values and names, in the order they begin in. Whoever looks
// for one of them passes over what the others hold.
type reading struct {
	body   []byte
	tokens []token
}

// token is where a value begins and ends, and the first token behind what it holds.
type token struct{ from, to, next int32 }

// read goes over a body, which is valid, once. It does not recurse, and takes six times
// the body's memory at most, in one piece: a value takes up a byte, and one before it.
func read(body []byte) value {
	room := 1
	for _, c := range []byte("{[:,") {
		room += bytes.Count(body, []byte{c})
	}
	r := &reading{body: body, tokens: make([]token, 0, min(room, len(body)/2+1))}
	open := int32(-1) // the innermost object or array at i; until it ends, its next is the one around it
	for i := 0; i < len(body); {
		from := i
		switch body[i] {
		case ' ', '\n', '\t', '\r', ',', ':':
			i++
			continue
		case '}', ']':
			i++
			open = r.close(open, i)
			continue
		case '{', '[':
			r.tokens = append(r.tokens, token{from: offset(i), next: open})
			open = offset(len(r.tokens) - 1)
			i++
			continue
		case '"':
			i = endString(body, i)
		default:
			i = endWord(body, i)
		}
		r.tokens = append(r.tokens, token{offset(from), offset(i), offset(len(r.tokens) + 1)})
	}
	for open >= 0 { // only if the body was not valid
		open = r.close(open, len(body))
	}
	if len(r.tokens) == 0 {
		return value{}
	}
	return value{reading: r}
}

// close ends the innermost object or array before i, if there is one, and returns the one around it.
func (r *reading) close(open int32, i int) int32 {
	if open < 0 {
		return open
	}
	t := &r.tokens[open]
	around := t.next
	t.to, t.next = offset(i), offset(len(r.tokens))
	return around
}

// offset is an index into a body, or into its tokens, which are fewer.
func offset(i int) int32 { return int32(i) } //nolint:gosec // longest bounds it

func (v value) token() token { return v.tokens[v.at] }

// raw returns the value as it came, capped, so that appending to it cannot reach the
// rest; nil if there is none.
func (v value) raw() json.RawMessage {
	if !v.there() {
		return nil
	}
	t := v.token()
	return v.body[t.from:t.to:t.to]
}

// there reports whether there is such a value.
func (v value) there() bool { return v.reading != nil }

// opens reports whether the value begins with c.
func (v value) opens(c byte) bool { return v.there() && v.body[v.token().from] == c }

// members ranges over the members of an object; over nothing if it is none.
func (v value) members() iter.Seq2[value, value] {
	return func(yield func(name, member value) bool) {
		if !v.opens('{') {
			return
		}
		for i, end := v.at+1, v.token().next; i < end; {
			m := v.tokens[i].next
			if m >= end || !yield(value{v.reading, i}, value{v.reading, m}) {
				return
			}
			i = v.tokens[m].next
		}
	}
}

// elements ranges over the elements of an array; over nothing if it is none.
func (v value) elements() iter.Seq[value] {
	return func(yield func(value) bool) {
		if !v.opens('[') {
			return
		}
		for i, end := v.at+1, v.token().next; i < end; i = v.tokens[i].next {
			if !yield(value{v.reading, i}) {
				return
			}
		}
	}
}

// get returns a member of an object. The last one of that name counts.
func (v value) get(name string) (found value) {
	for key, m := range v.members() {
		if key.is(name) {
			found = m
		}
	}
	return found
}

// is reports whether the name of a member is this one, however it is escaped: that makes
// it longer.
func (v value) is(name string) bool {
	key := v.raw()
	if len(key) <= len(name)+len(`""`) {
		return len(key) == len(name)+len(`""`) && string(key[1:len(key)-1]) == name
	}
	return bytes.IndexByte(key, '\\') >= 0 && text(key) == name
}

// text returns a member that is a string, else "".
func (v value) text(name string) string { return text(v.get(name).raw()) }

// id returns a member that is a string or a number, as text.
func (v value) id(name string) string { return scalar(v.get(name).raw()) }

// number returns a member that is an integer, given as number or string; 0 if it is none.
func (v value) number(name string) int {
	n, err := strconv.Atoi(v.id(name))
	if err != nil {
		return 0
	}
	return n
}

// endWord returns the index just past the number or literal that starts at start.
func endWord(b []byte, start int) int {
	for i := start + 1; i < len(b); i++ {
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
