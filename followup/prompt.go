package followup

import (
	"strings"
	"unicode"
)

// The longest value of a lead that stands in a prompt as it is, in characters and in words,
// and the longest that stands in one at all.
const (
	plainLength = 40
	plainWords  = 5
	maxValue    = 300
)

// ExpandPrompt fills in the variables of a step's prompt, as Expand does. The prompt is the
// business's word to the model, and its values are not: a lead gives himself what name he
// likes. What is more than a name or a number stands in quotation marks that it cannot
// close, and is cut to 300 characters.
func ExpandPrompt(prompt string, f Facts) string {
	text, _ := expand(prompt, f, func(name, value string) string {
		if name == "COMPANY_NAME" || plain(value) {
			return value
		}
		if r := []rune(value); len(r) > maxValue {
			value = string(r[:maxValue-1]) + "…"
		}
		return `"` + strings.ReplaceAll(value, `"`, "'") + `"`
	})
	return text
}

// plain reports whether a value is short, and has nothing of a sentence in it.
func plain(value string) bool {
	r := []rune(value)
	return len(r) <= plainLength && len(strings.Fields(value)) <= plainWords && !strings.ContainsFunc(value, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N) && !strings.ContainsRune(" '’-&@/+,_", r)
	})
}
