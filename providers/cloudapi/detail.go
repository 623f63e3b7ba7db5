package cloudapi

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxDetail = 200 // runes of a provider's wording that are kept
	minPhone  = 7   // digits in a row from which they may be a phone number
	mask      = "…"
)

// Detail makes a provider's wording of an error fit to be shown. It masks everything that may be a
// phone number, a business-scoped user id, an address or a link, and every quotation that does not
// look like the name of a parameter. It cuts the text to maxDetail runes. When in doubt it masks:
// the result is an aid, not a record.
func Detail(s string) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) > 8*maxDetail {
		s = strings.ToValidUTF8(s[:8*maxDetail], "")
	}
	words := strings.Fields(maskNumbers(maskQuoted(s)))
	for i, w := range words {
		if isAddress(w) {
			words[i] = mask
		}
	}
	s = strings.Join(words, " ")
	if utf8.RuneCountInString(s) > maxDetail {
		s = string([]rune(s)[:maxDetail-1]) + mask
	}
	return s
}

// maskQuoted masks what stands between double quotes, or between single quotes that are no
// apostrophes. A quotation without an end is masked to the end of the text.
func maskQuoted(s string) string {
	var b strings.Builder
	previous := ' '
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		closing := closingQuote(r, previous)
		previous = r
		b.WriteString(s[i : i+size])
		i += size
		if closing == 0 {
			continue
		}
		n := strings.IndexRune(s[i:], closing)
		if n < 0 {
			b.WriteString(mask)
			break
		}
		if inner := s[i : i+n]; isName(inner) {
			b.WriteString(inner)
		} else {
			b.WriteString(mask)
		}
		b.WriteRune(closing)
		previous = closing
		i += n + utf8.RuneLen(closing)
	}
	return b.String()
}

// closingQuote returns the quotation mark that ends a quotation opened by r, 0 if r opens none.
func closingQuote(r, previous rune) rune {
	switch r {
	case '"':
		return '"'
	case '“':
		return '”'
	case '\'':
		if !unicode.IsLetter(previous) && !unicode.IsDigit(previous) {
			return '\''
		}
	}
	return 0
}

// isName reports whether a quotation is the path of a parameter.
func isName(s string) bool {
	for _, r := range s {
		if !strings.ContainsRune("_.[]", r) && (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return strings.ContainsAny(s, "_.[]") || s == "to" || s == "type" || s == "text" || s == "body"
}

// maskNumbers masks sequences of digits, grouped in any way, that could be phone numbers.
func maskNumbers(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '+' && (s[i] < '0' || s[i] > '9') {
			b.WriteByte(s[i])
			i++
			continue
		}
		count, last := 0, i
		for j := i; j < len(s) && strings.IndexByte("+0123456789 ()-./", s[j]) >= 0; j++ {
			if s[j] >= '0' && s[j] <= '9' {
				count++
				last = j
			}
		}
		if count >= minPhone {
			b.WriteString(mask)
		} else {
			b.WriteString(s[i : last+1])
		}
		i = last + 1
	}
	return b.String()
}

// isAddress reports whether a word is a link, an e-mail address or a BSUID.
func isAddress(word string) bool {
	if strings.Contains(word, "://") || strings.Contains(word, "@") || strings.HasPrefix(word, "www.") {
		return true
	}
	word = strings.TrimLeft(word, "(['\"<")
	country, rest, found := strings.Cut(word, ".")
	return found && len(country) == 2 && country == strings.ToUpper(country) && len(rest) > 2
}
