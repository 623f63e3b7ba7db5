package followup

import (
	"strings"
	"unicode"
)

// DefaultOptOutWords returns the default words that opt a lead out if its message is nothing but one
// of them.
func DefaultOptOutWords() []string {
	return []string{"STOP", "PARAR", "PARE", "SAIR", "CANCELAR", "UNSUBSCRIBE", "BAJA"}
}

// OptOutWords recognises the message by which a lead opts out.
type OptOutWords struct {
	words map[string]bool
}

// NewOptOutWords returns a recogniser of the given words; they may hold spaces.
func NewOptOutWords(words []string) OptOutWords {
	w := OptOutWords{words: make(map[string]bool, len(words))}
	for _, word := range words {
		if n := normalWord(word); n != "" {
			w.words[n] = true
		}
	}
	return w
}

// longestOptOut keeps long messages from being normalised for nothing.
const longestOptOut = 200

// Match reports whether the text is nothing but one of the words. It ignores case and any characters
// around the word that are neither letters nor digits ("Stop.", "*PARAR!* 🙏"). A word within a
// sentence does not match.
func (w OptOutWords) Match(text string) bool {
	return len(text) <= longestOptOut && w.words[normalWord(text)]
}

// normalWord trims what is neither letter nor digit from both ends, collapses white space and folds case.
func normalWord(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.ToLower(strings.ToUpper(strings.Join(strings.Fields(s), " ")))
}
