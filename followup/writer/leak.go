package writer

import (
	"regexp"
	"slices"
	"strings"

	"wagate/followup"
)

// giveaways are phrases in which a model speaks about itself or its task. They are compared word by
// word, ignoring case and punctuation.
var giveaways = [...]string{
	"as an ai", "as a language model", "as an artificial intelligence", "i am an ai", "i'm an ai", "i am a language model",
	"system prompt", "my instructions", "here is the message", "here's the message", "here is a message", "here's a message",
	"how the business speaks", "the task of this message",
	"como uma ia", "como um modelo de linguagem", "como inteligência artificial", "sou uma ia", "minhas instruções",
	"aqui está a mensagem", "aqui está uma mensagem", "segue a mensagem",
	"como una ia", "como un modelo de lenguaje", "soy una ia", "mis instrucciones", "aquí está el mensaje", "aquí tienes el mensaje",
}

// preamble matches the beginning of a text that is more than the message: it agrees to the task
// ("Sure!" on a line of its own), announces the message ("Here's a friendly follow-up:"), or labels
// the message, its speaker or the first of several versions ("Message for Ana:", "Assistant:",
// "Option 1:").
var preamble = regexp.MustCompile(`(?i)^(?:sure|certainly|of course|absolutely|com certeza|¡?claro|¡?por supuesto)[!.,]* *\n` +
	`|^[^\n:]{0,40}\b(?:here(?:['’]s| is| are)|aqui (?:está|estão|vai|vão)|aquí (?:está|tienes?|va)|segue) ` +
	`(?:[^\n:]{0,60} )?(?:messages?|follow-?ups?|drafts?|mensagem|mensagens|rascunhos?|mensajes?|borrador(?:es)?)\b[^\n:]{0,60}:` +
	`|^[^\n:]{0,40}\bhere you (?:go|are)[^\n:]{0,10}:` +
	`|^[^\pL\d]*(?:(?:whatsapp |follow-?up )*(?:message|mensagem|mensaje)(?: (?:for|to|de|para) [^\n:]{1,30})?` +
	`|text|draft|response|follow-?up|assistant|business|rascunho|resposta|assistente|borrador|respuesta|asistente` +
	`|(?:option|version|opção|versão|opción|versión|alternativ[ae]) ?[1a])[*_]*:`)

// A text leaks what the model was told if it repeats leakWords words in a row of it. A source or a
// stretch between quotations that is shorter leaks as a whole if it has at least leakLeast words,
// and the whole task if it has at least leakTask. Anything shorter leaks only if it is the entire
// text: a few common words occur in many good messages.
const (
	leakWords = 8
	leakLeast = 4
	leakTask  = 3
)

// leaks reports whether the text gives away its origin: it speaks about the model or its task,
// announces the message, or repeats a stretch of our prompts, the instructions or the task. What
// the instructions or the task put in quotation marks is meant to be said, and is no leak.
func leaks(text string, b followup.Brief) bool {
	if preamble.MatchString(text) {
		return true
	}
	said := row(text)
	for _, g := range giveaways {
		if strings.Contains(said, row(g)) {
			return true
		}
	}
	own := ours(b)
	for _, source := range own {
		if slices.ContainsFunc(sentences(source), func(s string) bool { return repeatsSentence(said, s) }) {
			return true
		}
	}
	for _, f := range faults {
		own = append(own, unfit+advice(f))
	}
	for _, source := range append(own, b.Instructions, b.Prompt) {
		if repeatsStretch(said, source) {
			return true
		}
	}
	return saysTask(said, b.Prompt) || saysLine(said, b)
}

// repeatsSentence reports whether the text contains a sentence of our prompts, or is one.
func repeatsSentence(said, s string) bool {
	return said == row(s) || len(words(s)) >= leakLeast && strings.Contains(said, row(s))
}

// repeatsStretch reports whether the text contains a stretch of source that lies outside quotation
// marks.
func repeatsStretch(said, source string) bool {
	for _, part := range quoted.Split(source, -1) {
		told := words(part)
		n := min(leakWords, len(told))
		if n < leakLeast {
			continue
		}
		for i := 0; i+n <= len(told); i++ {
			if strings.Contains(said, " "+strings.Join(told[i:i+n], " ")+" ") {
				return true
			}
		}
	}
	return false
}

// saysTask reports whether the text contains the whole task, quotations included.
func saysTask(said, task string) bool {
	if onlyQuoted(task) {
		return false
	}
	return said == row(task) || len(words(task)) >= leakTask && strings.Contains(said, row(task))
}

// saysLine reports whether the entire text is one line of what the business gave us, or one
// sentence of its task or of our objections.
func saysLine(said string, b followup.Brief) bool {
	lines := slices.Concat(strings.Split(b.Instructions, "\n"), strings.Split(b.Prompt, "\n"), sentences(b.Prompt))
	for _, f := range faults {
		lines = append(lines, sentences(advice(f))...)
	}
	return slices.ContainsFunc(append(lines, business(b)), func(line string) bool {
		return !onlyQuoted(line) && said == row(line)
	})
}

// onlyQuoted reports whether a text has no words outside quotation marks.
func onlyQuoted(s string) bool { return len(words(quoted.ReplaceAllString(s, " "))) == 0 }

// quoted matches a passage in quotation marks.
var quoted = regexp.MustCompile(`"[^"\n]*"|“[^”\n]*”|«[^»\n]*»|„[^“\n]*“`)

// sentences splits a text at full stops, colons, semicolons and line ends.
func sentences(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(".:;\n", r) })
}

// row joins the words of a text with single spaces, and with a space at each end, so that a row is
// found in another only at word boundaries.
func row(s string) string { return " " + strings.Join(words(s), " ") + " " }
