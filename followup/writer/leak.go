package writer

import (
	"regexp"
	"slices"
	"strings"

	"wagate/followup"
)

// giveaways are phrases by which a model speaks of itself or of its task. They
// are compared word by word, without case and punctuation.
var giveaways = [...]string{
	"as an ai", "as a language model", "as an artificial intelligence", "i am an ai", "i'm an ai", "i am a language model",
	"system prompt", "my instructions", "here is the message", "here's the message", "here is a message", "here's a message",
	"how the business speaks", "the task of this message",
	"como uma ia", "como um modelo de linguagem", "como inteligência artificial", "sou uma ia", "minhas instruções",
	"aqui está a mensagem", "aqui está uma mensagem", "segue a mensagem",
	"como una ia", "como un modelo de lenguaje", "soy una ia", "mis instrucciones", "aquí está el mensaje", "aquí tienes el mensaje",
}

// preamble matches how a text begins that is not the message alone: it assents to us ("Sure!", on a
// line of its own), announces the message ("Here's a friendly follow-up:"), or names it, its speaker, or the
// first of several ("Message for Ana:", "Assistant:", "Option 1:").
var preamble = regexp.MustCompile(`(?i)^(?:sure|certainly|of course|absolutely|com certeza|¡?claro|¡?por supuesto)[!.,]* *\n` +
	`|^[^\n:]{0,40}\b(?:here(?:['’]s| is| are)|aqui (?:está|estão|vai|vão)|aquí (?:está|tienes?|va)|segue) ` +
	`(?:[^\n:]{0,60} )?(?:messages?|follow-?ups?|drafts?|mensagem|mensagens|rascunhos?|mensajes?|borrador(?:es)?)\b[^\n:]{0,60}:` +
	`|^[^\n:]{0,40}\bhere you (?:go|are)[^\n:]{0,10}:` +
	`|^[^\pL\d]*(?:(?:whatsapp |follow-?up )*(?:message|mensagem|mensaje)(?: (?:for|to|de|para) [^\n:]{1,30})?` +
	`|text|draft|response|follow-?up|assistant|business|rascunho|resposta|assistente|borrador|respuesta|asistente` +
	`|(?:option|version|opção|versão|opción|versión|alternativ[ae]) ?[1a])[*_]*:`)

// leakWords in a row, the same as in what the model was told, are a leak. A
// shorter stretch is one as a whole, from leakLeast words on; the whole task
// from leakTask on. Whatever is shorter is one if it is all of the text: a few
// common words are in many good messages.
const (
	leakWords = 8
	leakLeast = 4
	leakTask  = 3
)

// leaks reports whether the text gives away its origin: it speaks of the model
// or its task, announces the message, or repeats a stretch of our words, the instructions or the task.
// What instructions or task hold in quotation marks is meant to be said.
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

// repeatsSentence reports whether a sentence of ours was said.
func repeatsSentence(said, s string) bool {
	return said == row(s) || len(words(s)) >= leakLeast && strings.Contains(said, row(s))
}

// repeatsStretch reports whether a stretch of the source, outside of quotation
// marks, was said.
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

// saysTask reports whether the task as a whole was said, with what it quotes.
func saysTask(said, task string) bool {
	if speech(task) {
		return false
	}
	return said == row(task) || len(words(task)) >= leakTask && strings.Contains(said, row(task))
}

// saysLine reports whether all that was said is one line of what the business
// gave us, or one sentence of its task or of our objections.
func saysLine(said string, b followup.Brief) bool {
	lines := slices.Concat(strings.Split(b.Instructions, "\n"), strings.Split(b.Prompt, "\n"), sentences(b.Prompt))
	for _, f := range faults {
		lines = append(lines, sentences(advice(f))...)
	}
	return slices.ContainsFunc(append(lines, business(b)), func(line string) bool {
		return !speech(line) && said == row(line)
	})
}

// speech reports whether a text has no words outside of quotation marks.
func speech(s string) bool { return len(words(quoted.ReplaceAllString(s, " "))) == 0 }

// quoted matches what is said in quotation marks.
var quoted = regexp.MustCompile(`"[^"\n]*"|“[^”\n]*”|«[^»\n]*»|„[^“\n]*“`)

// sentences splits a text of ours, or a task, at what ends a thought.
func sentences(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(".:;\n", r) })
}

// row is a text's words one after the other, so that one row is found in
// another only from word to word.
func row(s string) string { return " " + strings.Join(words(s), " ") + " " }
