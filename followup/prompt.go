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
// close, the business's own if it is between such, and is cut to 300 characters.
func ExpandPrompt(prompt string, f Facts) string {
	text, _ := expand(prompt, f, func(before, name, value, behind string) string {
		if name == "COMPANY_NAME" || plain(value) {
			return value
		}
		if r := []rune(value); len(r) > maxValue {
			value = string(r[:maxValue-1]) + "…"
		}
		value = noMarks.Replace(value)
		if quoting(before, behind) {
			return value
		}
		return `"` + value + `"`
	})
	return text
}

// noMarks takes out what a value could end a quotation with.
var noMarks = strings.NewReplacer(`"`, "'", "“", "'", "”", "'", "„", "'", "«", "'", "»", "'")

// quoting reports whether what stands between two texts is between quotation marks of theirs,
// in one line. Marks of its own would end these there, and leave a value outside.
func quoting(before, behind string) bool {
	line, _, _ := strings.Cut(behind, "\n")
	return strings.Count(before[strings.LastIndexByte(before, '\n')+1:], `"`)%2 == 1 && strings.Contains(line, `"`)
}

// plain reports whether a value is short, and has nothing of a sentence in it.
func plain(value string) bool {
	r := []rune(value)
	return len(r) <= plainLength && len(strings.Fields(value)) <= plainWords && !strings.ContainsFunc(value, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N) && !strings.ContainsRune(" '’-&@/+,_", r)
	})
}
