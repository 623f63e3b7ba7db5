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

// deepest is the deepest nesting that a body may have. encoding/json reads at most 10,000 levels,
// and parts of a body are read again inside other JSON: in a queue, in a dead letter, at the
// assistant. The validator has no such bound and recurses for every open bracket. As far as a body
// is valid, TooDeep counts the same brackets, so it bounds that recursion.
const deepest = 9_000

// longest is the greatest length of a body in bytes, far more than the listeners accept. Offsets
// into a body are 32 bits, and must fit even after invalid UTF-8 was replaced, which makes one byte
// three at worst.
const longest = 1 << 29

// TooDeep reports whether a JSON value is nested so deeply that what is made of it could not be
// read again.
func TooDeep(b []byte) bool {
	if bytes.Count(b, []byte{'{'})+bytes.Count(b, []byte{'['}) <= deepest {
		return false // the usual case
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

// valid reports whether b as a whole is one JSON value. All functions below rely on that, but stay
// within bounds even if it does not hold.
func valid(b []byte) bool { return len(b) <= longest && !TooDeep(b) && gjson.ValidBytes(b) }

// sanitised returns b with invalid UTF-8 replaced, which encoding/json accepts.
func sanitised(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	return bytes.ToValidUTF8(b, []byte("\uFFFD"))
}

// value is a value in a parsed body, or the name of a member. The zero value represents a missing
// value.
type value struct {
	*reading

	at int32 // index of its token
}

// reading is a body with its values and names, in the order of their beginnings. A search among
// them can step over the content of a value.
type reading struct {
	body   []byte
	tokens []token
}

// token holds where a value begins and ends, and the index of the first token after its content.
type token struct{ from, to, next int32 }

// read scans a valid body once. It does not recurse. It allocates at most six times the size of the
// body, at once: a token has twelve bytes, and a value takes at least two bytes of the body, itself
// and a separator before it.
func read(body []byte) value {
	room := 1
	for _, c := range []byte("{[:,") {
		room += bytes.Count(body, []byte{c})
	}
	r := &reading{body: body, tokens: make([]token, 0, min(room, len(body)/2+1))}
	// open is the innermost open object or array. Until it is closed, its next is the index of the
	// one around it.
	open := int32(-1)
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

// close closes the innermost object or array, if there is one, at i and returns the one around it.
func (r *reading) close(open int32, i int) int32 {
	if open < 0 {
		return open
	}
	t := &r.tokens[open]
	around := t.next
	t.to, t.next = offset(i), offset(len(r.tokens))
	return around
}

// offset converts an index into a body, or into its tokens, which are fewer.
func offset(i int) int32 { return int32(i) } //nolint:gosec // bounded by longest

func (v value) token() token { return v.tokens[v.at] }

// raw returns the value as it came, nil if it is missing. Its capacity is limited, so that
// appending to it cannot overwrite the rest of the body.
func (v value) raw() json.RawMessage {
	if !v.exists() {
		return nil
	}
	t := v.token()
	return v.body[t.from:t.to:t.to]
}

// exists reports whether the value is present.
func (v value) exists() bool { return v.reading != nil }

// opens reports whether the value begins with c.
func (v value) opens(c byte) bool { return v.exists() && v.body[v.token().from] == c }

// members ranges over the members of an object. For anything else it ranges over nothing.
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

// elements ranges over the elements of an array. For anything else it ranges over nothing.
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

// get returns a member of an object. Of several with that name the last one counts.
func (v value) get(name string) (found value) {
	for key, m := range v.members() {
		if key.is(name) {
			found = m
		}
	}
	return found
}

// is reports whether the name of a member equals name, even if it is written with escapes. Escapes
// make it longer than name.
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

// number returns a member that is an integer, given as a number or a string; otherwise 0.
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

// endString returns the index just past the string that starts at start. It searches for quotation
// marks and looks back whether they are escaped, so that long texts full of escapes are skipped at
// the speed of IndexByte.
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

// text returns the value of a JSON string, "" for anything else.
func text(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	raw = raw[1 : len(raw)-1]
	var b strings.Builder
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 && b.Len() == 0 {
			return string(raw) // no escape, the usual case
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

// unescape returns the character of the escape sequence at the beginning of raw, and the length of
// the sequence. Half of a surrogate pair gives U+FFFD.
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

// codeUnit returns the UTF-16 code unit of the \u escape at the beginning of raw, U+FFFD if there
// is none.
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

// scalar returns the value of a string, or a number as it is spelled, else "". Ids that are strings
// at one provider are numbers at another.
func scalar(raw []byte) string {
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		return string(raw)
	}
	return text(raw)
}
