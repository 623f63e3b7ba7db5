package relay

import (
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendCanonical appends the JSON text raw, which must be valid, without white space and in ASCII.
// The package documentation describes the form.
func appendCanonical(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
		case '"':
			dst, i = appendString(dst, raw, i)
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

// appendString appends the string that starts at raw[i] and returns the index
// just past it.
func appendString(dst, raw []byte, i int) ([]byte, int) {
	dst = append(dst, '"')
	for i++; i < len(raw); {
		c := raw[i]
		switch {
		case c == '"':
			return append(dst, '"'), i + 1
		case isPlain(c):
			from := i
			for i < len(raw) && isPlain(raw[i]) {
				i++
			}
			dst = append(dst, raw[from:i]...)
		case c == '\\' && i+1 < len(raw):
			var unit uint16
			unit, i = unescape(raw, i)
			dst = appendUnit(dst, unit)
		case c < utf8.RuneSelf:
			dst = appendUnit(dst, uint16(c))
			i++
		default:
			r, n := utf8.DecodeRune(raw[i:])
			if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
				dst = appendUnit(appendUnit(dst, uint16(hi)), uint16(lo)) //nolint:gosec // surrogates
			} else {
				dst = appendUnit(dst, uint16(r)) //nolint:gosec // within the basic plane
			}
			i += n
		}
	}
	return dst, i
}

// isPlain reports whether a byte of a string is copied as it is.
func isPlain(c byte) bool { return c >= ' ' && c < 0x7f && c != '"' && c != '\\' }

// unescape reads the escape at raw[i] as a UTF-16 unit and returns the index just past the escape.
// Lone surrogates stay as they are.
func unescape(raw []byte, i int) (uint16, int) {
	switch c := raw[i+1]; c {
	case 'b':
		return '\b', i + 2
	case 'f':
		return '\f', i + 2
	case 'n':
		return '\n', i + 2
	case 'r':
		return '\r', i + 2
	case 't':
		return '\t', i + 2
	case 'u':
		var unit uint16
		for j := i + 2; j < min(i+6, len(raw)); j++ {
			unit = unit<<4 | hexValue(raw[j])
		}
		return unit, min(i+6, len(raw))
	default: // quotation mark, backslash, slash
		return uint16(c), i + 2
	}
}

func hexValue(c byte) uint16 {
	switch {
	case c >= 'a':
		return uint16(c - 'a' + 10)
	case c >= 'A':
		return uint16(c - 'A' + 10)
	}
	return uint16(c - '0')
}

// appendUnit appends one UTF-16 unit of a string, escaped where necessary.
func appendUnit(dst []byte, u uint16) []byte {
	switch {
	case u == '"' || u == '\\':
		return append(dst, '\\', byte(u))
	case u >= ' ' && u < 0x7f:
		return append(dst, byte(u))
	case u == '\b':
		return append(dst, '\\', 'b')
	case u == '\f':
		return append(dst, '\\', 'f')
	case u == '\n':
		return append(dst, '\\', 'n')
	case u == '\r':
		return append(dst, '\\', 'r')
	case u == '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}
