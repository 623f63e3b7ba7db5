package followup

import (
	"strings"
	"unicode"
)

// Bounds of a lead's values in a prompt: a value of at most plainLength characters and plainWords
// words can stand in a prompt unquoted; none is longer than maxValue characters.
const (
	plainLength = 40
	plainWords  = 5
	maxValue    = 300
)

// ExpandPrompt fills in the variables of a step's prompt, as Expand does. The prompt comes from the
// business, but the values do not: a lead can choose any name. So a value that is more than a plain
// name or number is put in quotation marks that it cannot close (those of the prompt, if it already
// stands between some), and is cut to 300 characters.
func ExpandPrompt(prompt string, f Facts) string {
	text, _ := expand(prompt, f, func(before, name, value, behind string) string {
		if name == "COMPANY_NAME" || plain(value) {
			return value
		}
		if r := []rune(value); len(r) > maxValue {
			value = string(r[:maxValue-1]) + "…"
		}
		value = quoteReplacer.Replace(value)
		if insideQuotes(before, behind) {
			return value
		}
		return `"` + value + `"`
	})
	return text
}

// quoteReplacer replaces the quotation marks with which a value could end a quotation.
var quoteReplacer = strings.NewReplacer(`"`, "'", "“", "'", "”", "'", "„", "'", "«", "'", "»", "'")

// insideQuotes reports whether a value between the texts before and behind is already between quotation
// marks of theirs, on one line. A second pair would end the first and leave the value outside.
func insideQuotes(before, behind string) bool {
	line, _, _ := strings.Cut(behind, "\n")
	return strings.Count(before[strings.LastIndexByte(before, '\n')+1:], `"`)%2 == 1 && strings.Contains(line, `"`)
}

// plain reports whether a value is short and has no characters that make up a sentence.
func plain(value string) bool {
	r := []rune(value)
	return len(r) <= plainLength && len(strings.Fields(value)) <= plainWords && !strings.ContainsFunc(value, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N) && !strings.ContainsRune(" '’-&@/+,_", r)
	})
}
