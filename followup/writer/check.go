package writer

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"wagate/followup"
)

// maxLength is how long a follow-up may be, in characters. WhatsApp takes 4096;
// nobody reads that of a business that was not asked.
const maxLength = 1000

// fault says why a text may not be sent. The set is closed and holds no part
// of the text, so it may be logged.
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

// faults are all of them.
var faults = [...]fault{
	faultEmpty, faultLong, faultPlaceholder, faultLeak, faultRepetition, faultCutOff, faultRefused, faultLink,
}

// advice tells the model what was wrong.
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

// check returns what is wrong with a cleaned text, or "".
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
	case strays(text, b):
		return faultLink
	case leaks(text, b):
		return faultLeak
	case repeats(text, b.History):
		return faultRepetition
	}
	return ""
}

// placeholder matches what is left to be filled in: anything in square or curly
// brackets or an unclosed pair of them, <words in angles>, <|a model's own marks|>, a line to write on, our own
// names of variables.
var placeholder = regexp.MustCompile(`\{\{|\}\}|\[[^\]]*\]|\{[^}]*\}|</?[\pL_][\pL_ /-]*>|(?:^|[^\pL\d/_-])_{3,}|<\||LEAD_[A-Z]+|COMPANY_NAME`)

// thinking is how some models show their reasoning before the answer.
var thinking = regexp.MustCompile(`(?s)^\s*<think>.*?</think>`)

// language is what a fence around a text says that it is written in.
var language = regexp.MustCompile("^\\s*```[a-z]+[ \t]*\n")

// quotes are the pairs a model may wrap its text in.
var quotes = [...][2]string{
	{"```", "```"}, {`"`, `"`}, {"“", "”"}, {"„", "“"}, {"«", "»"}, {"'", "'"}, {"‘", "’"}, {"`", "`"},
}

// Markdown that WhatsApp shows as it stands: bold, for which it has one mark, and headings and
// lines between parts, for which it has none.
var (
	bold    = regexp.MustCompile(`\*{2,}([^\s*](?:[^*\n]*[^\s*])?)\*{2,}`)
	heading = regexp.MustCompile(`(?m)^(?:(?:#{1,6} +)+|(?:-{3,}|\*{3,}|_{3,})[ \t]*$)`)
)

// maxWrapped is from when on a text, in characters, is too long whatever is around it.
const maxWrapped = 4 * maxLength

// clean takes off what a model puts around a message: reasoning, white space,
// control characters, markdown, quotation marks around the whole. That is done layer by
// layer, and of what is far too long not at all.
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

// similar is from when on two texts are the same message in other words: the
// share of their pairs of neighbouring words that both have.
const similar = 0.8

// repeats reports whether the business has said this before.
func repeats(text string, history []followup.Entry) bool {
	mine := words(text)
	for _, e := range history {
		if e.From == followup.FromBusiness && likeness(mine, words(e.Text)) >= similar {
			return true
		}
	}
	return false
}

// likeness is Dice's coefficient over pairs of neighbouring words, between 0
// and 1. The text's ends count as words, so single words can be compared.
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
