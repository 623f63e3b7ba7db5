package writer

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"wagate/followup"
)

// maxLength is the longest follow-up allowed, in characters. WhatsApp takes 4096, but nobody reads
// that much from a business they have not asked.
const maxLength = 1000

// fault is why a text may not be sent. The set is closed and contains no part of the text, so a
// fault may be logged.
type fault string

const (
	faultEmpty       fault = "empty"
	faultLong        fault = "too_long"
	faultPlaceholder fault = "placeholder"
	faultLeak        fault = "prompt_leak"
	faultRepetition  fault = "repetition"
	faultCutOff      fault = "cut_off"
	faultRefused     fault = "refused"
	faultLink        fault = "link"
)

// faults lists all faults.
var faults = [...]fault{
	faultEmpty, faultLong, faultPlaceholder, faultLeak, faultRepetition, faultCutOff, faultRefused, faultLink,
}

// advice is what the model is told about a fault.
func advice(f fault) string {
	switch f {
	case faultEmpty:
		return "it has no words."
	case faultLong, faultCutOff:
		return "it is too long. Two or three short sentences are enough."
	case faultPlaceholder:
		return "it holds a placeholder or brackets. Word it so that nothing has to be filled in."
	case faultLeak:
		return "it speaks of its instructions or repeats them, or of you as a machine. Speak to the lead only."
	case faultRepetition:
		return "it repeats an earlier message of the business. Say something new."
	case faultLink:
		return "it holds a link that is not the business's own. Leave it out."
	case faultRefused:
		return "it was refused. Write a harmless, friendly message."
	}
	return "it is not fit to be sent."
}

// check returns the fault of a cleaned text, or "" if it has none.
func check(text string, b followup.Brief) fault {
	switch {
	case !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }):
		return faultEmpty
	case utf8.RuneCountInString(text) > maxLength:
		return faultLong
	case placeholder.MatchString(text):
		return faultPlaceholder
	case refuses(text):
		return faultRefused
	case hasForeignLink(text, b):
		return faultLink
	case leaks(text, b):
		return faultLeak
	case repeats(text, b.History):
		return faultRepetition
	}
	return ""
}

// placeholder matches what is left to be filled in: anything in square or curly brackets, double
// curly brackets even without their pair, <words in angle brackets>, <| as in a model's own marks,
// a line to write on, and the names of our variables.
var placeholder = regexp.MustCompile(`\{\{|\}\}|\[[^\]]*\]|\{[^}]*\}|</?[\pL_][\pL_ /-]*>|(?:^|[^\pL\d/_-])_{3,}|<\||LEAD_[A-Z]+|COMPANY_NAME`)

// thinking matches the reasoning that some models write before the answer.
var thinking = regexp.MustCompile(`(?s)^\s*<think>.*?</think>`)

// language matches an opening code fence that names a language.
var language = regexp.MustCompile("^\\s*```[a-z]+[ \t]*\n")

// quotes are the pairs of marks that a model may wrap its text in.
var quotes = [...][2]string{
	{"```", "```"}, {`"`, `"`}, {"“", "”"}, {"„", "“"}, {"«", "»"}, {"'", "'"}, {"‘", "’"}, {"`", "`"},
}

// Markdown that WhatsApp shows as it stands. Its bold has one mark, not two; headings and
// horizontal rules do not exist.
var (
	bold    = regexp.MustCompile(`\*{2,}([^\s*](?:[^*\n]*[^\s*])?)\*{2,}`)
	heading = regexp.MustCompile(`(?m)^(?:(?:#{1,6} +)+|(?:-{3,}|\*{3,}|_{3,})[ \t]*$)`)
)

// maxWrapped bounds the texts that clean unwraps, in characters. A longer text is too long whatever
// is wrapped around it.
const maxWrapped = 4 * maxLength

// clean removes what a model puts around a message: reasoning, white space, control characters,
// markdown, and quotation marks around the whole text. It removes layer after layer until nothing
// changes. A text longer than maxWrapped keeps its markdown and quotation marks.
func clean(text string) string {
	text = thinking.ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || r == utf8.RuneError {
			return -1
		}
		return r
	}, text)
	if utf8.RuneCountInString(text) > maxWrapped {
		return text
	}
	text = language.ReplaceAllString(text, "```\n")
	for {
		before := text
		text = heading.ReplaceAllString(strings.TrimSpace(text), "")
		text = bold.ReplaceAllString(text, "*$1*")
		for _, q := range quotes {
			inner, opened := strings.CutPrefix(text, q[0])
			inner, closed := strings.CutSuffix(inner, q[1])
			if opened && closed && !strings.Contains(inner, q[0]) && !strings.Contains(inner, q[1]) {
				text = inner
				break
			}
		}
		if text == before {
			return text
		}
	}
}

// similar is the likeness from which two texts count as the same message in other words.
const similar = 0.8

// repeats reports whether the business has said nearly the same before.
func repeats(text string, history []followup.Entry) bool {
	mine := words(text)
	for _, e := range history {
		if e.From == followup.FromBusiness && likeness(mine, words(e.Text)) >= similar {
			return true
		}
	}
	return false
}

// likeness returns Dice's coefficient over the pairs of neighbouring words of two texts: between 0
// (none in common) and 1 (all). The ends of a text count as words, so that single words can be
// compared.
func likeness(a, b []string) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	pairs := func(w []string) map[[2]string]int {
		out, last := map[[2]string]int{}, ""
		for _, next := range append(slices.Clip(w), "") {
			out[[2]string{last, next}]++
			last = next
		}
		return out
	}
	theirs, shared := pairs(b), 0
	for pair, n := range pairs(a) {
		shared += min(n, theirs[pair])
	}
	return 2 * float64(shared) / float64(len(a)+len(b)+2)
}

// words splits a text into its words, in lower case and without punctuation.
func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}
