package writer

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wagate/followup"
)

// clean removes what models put around a text (quotation marks, code fences, thoughts, rules and
// headings) and turns Markdown bold into WhatsApp's. It leaves the text itself alone.
func TestClean(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"Oi, Ana!", "Oi, Ana!"},
		{"  Oi!\n", "Oi!"},
		{`"Oi, Ana!"`, "Oi, Ana!"},
		{"“Oi, Ana!”", "Oi, Ana!"},
		{"«Oi»", "Oi"},
		{"```\nOi\n```", "Oi"},
		{"```text\nOi\n```", "Oi"},
		{"<think>x</think>\n```plaintext \r\nOi\n```\n", "Oi"},
		{"```Oi```", "Oi"},
		{"oi\ntudo bem?", "oi\ntudo bem?"},
		{"“\"Oi\"”", "Oi"},
		{"'Oi'", "Oi"},
		{`"Oi" e "tchau"`, `"Oi" e "tchau"`},
		{`Ela disse "oi"`, `Ela disse "oi"`},
		{"<think>The lead is Ana.\n</think>\n\nOi, Ana!", "Oi, Ana!"},
		{"um\r\ndois\x00\x07", "um\ndois"},
		{"**Oi, Ana!** Tudo **bem**?", "*Oi, Ana!* Tudo *bem*?"},
		{"Veja acme.com/a__b__c", "Veja acme.com/a__b__c"},
		{"***Oi***, 2 ** 3", "*Oi*, 2 ** 3"},
		{"---\nOi, Ana!\n\nTudo bem?\n***\n", "Oi, Ana!\n\nTudo bem?"},
		{"## Oi\n\nPedido # 1 e #2", "Oi\n\nPedido # 1 e #2"},
		{`"`, `"`},
		{`""`, ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := clean(tt.in); got != tt.want {
			t.Errorf("clean(%q): got %q, want %q", tt.in, got, tt.want)
		}
	}
}

// A text that is too long whatever is removed is left as it is: to remove its wrapping layer by
// layer would take minutes.
func TestCleanLeavesFarTooLongText(t *testing.T) {
	t.Parallel()
	for _, layer := range []string{"# ", "\n# ", "---\n", "**a", "__a__", "“«", "```a\n", "<think>"} {
		long := strings.Repeat(layer, 1<<17)
		if got := check(clean(long), brief()); got == "" {
			t.Errorf("%q repeated: got no fault, want one", layer)
		}
	}
}

// check finds each fault in a text, and none in texts that only resemble a faulty one.
func TestCheck(t *testing.T) {
	t.Parallel()
	b := followup.Brief{
		Instructions: "Fale como a Bia da Acme, com calma. Nunca ofereça mais do que dez por cento de desconto a ninguém. " +
			`Termine com "Um abraço da Bia e de toda a equipe da Acme".`,
		Prompt: "Send a friendly message asking if the lead needs help",
		History: []followup.Entry{
			{From: followup.FromLead, Text: "Quero saber o preço do plano novo, por favor"},
			{From: followup.FromBusiness, Text: "Oi, Ana! Ficou alguma dúvida sobre o orçamento que enviei ontem?"},
			{From: followup.FromBusiness, Text: "Olá!"},
			{From: followup.FromBusiness, Text: "[image]"},
		},
	}
	tests := []struct {
		name, text string
		want       fault
	}{
		{"fine", "Oi, Ana! Posso ajudar a escolher o plano?", ""},
		{"fine, repeats the lead", "Quero saber o preço do plano novo, por favor", ""},
		{"fine, something new besides the old", "Oi, Ana! Consegui uma condição melhor para o seu orçamento. Quer ver?", ""},
		{"fine, longest", strings.Repeat("é", maxLength), ""},
		{"fine, quoted by the instructions", "Oi! Um abraço da Bia e de toda a equipe da Acme", ""},
		{"fine, emoji and numbers", "Oi 👋 <3 (2 > 1) 50%", ""},
		{"empty", "", faultEmpty},
		{"no words", "… 👋 !", faultEmpty},
		{"too long", strings.Repeat("é", maxLength+1), faultLong},
		{"square brackets", "Oi, [nome]!", faultPlaceholder},
		{"empty brackets", "Oi []", faultPlaceholder},
		{"link in markdown", "Veja [aqui](https://acme.example)", faultPlaceholder},
		{"our variable", "Oi, {{LEAD_FIRSTNAME}}!", faultPlaceholder},
		{"unclosed variable", "Oi, {{nome", faultPlaceholder},
		{"single braces", "Oi, {nome}!", faultPlaceholder},
		{"angle brackets", "Oi, <seu nome>!", faultPlaceholder},
		{"the model's end token", "Oi, Ana! Tudo bem?<|im_end|>", faultPlaceholder},
		{"a blank to fill in", "Oi, ____! Tudo bem?", faultPlaceholder},
		{"a blank at the beginning", "____, tudo bem?", faultPlaceholder},
		{"bare variable", "Oi, LEAD_FIRSTNAME!", faultPlaceholder},
		{"as an AI", "As an AI, I can't do that.", faultLeak},
		{"as an AI in Portuguese", "Oi! Sou uma IA da Acme.", faultLeak},
		{"preamble", "Here's the message: Oi, Ana!", faultLeak},
		{"preamble in other words", "Sure, here's a friendly follow-up:\n\nOi, Ana! Tudo bem?", faultLeak},
		{"preamble in Portuguese", "Claro! Aqui vai uma mensagem curta para a Ana:\n\nOi, Ana! Tudo bem?", faultLeak},
		{"preamble in Spanish", "¡Por supuesto! Aquí tienes un mensaje breve: ¡Hola, Ana!", faultLeak},
		{"label", "Mensagem: Oi, Ana! Tudo bem?", faultLeak},
		{"label in bold", "*Message:* Hi Ana, all well?", faultLeak},
		{"label in bold, colon outside", "*Follow-up message*: Hi Ana, all well?", faultLeak},
		{"label after an emoji", "📩 *Mensagem para a Ana:*\nOi! Tudo bem?", faultLeak},
		{"assent", "Claro!\n\nOi, Ana! Tudo bem?", faultLeak},
		{"assent in English", "Of course, here you go:\n\nHi Ana, all well?", faultLeak},
		{"fine, assent to the lead", "Claro! Já separei a mesa, Ana. Quer que eu envie hoje?", ""},
		{"role label", "Assistant: Hi Ana, all well?", faultLeak},
		{"alternatives", "Opção 1: Oi, Ana!\n\nOpção 2: Olá, Ana!", faultLeak},
		{"fine, an introduction that is the message", "Here's what I found for you, Ana: two tables in oak. Shall I send photos?", ""},
		{"fine, the lead's message mentioned", "Oi, Ana! Vi sua mensagem: o prazo é de dez dias. Quer fechar?", ""},
		{"fine, offers options", "Ana, aqui estão as opções: mesa ou banco. Qual prefere?", ""},
		{"fine, begins with a label's word", "Mensagem recebida, Ana: já separei o seu pedido!", ""},
		{"the task", "Send a friendly message asking if the lead needs help.", faultLeak},
		{"the instructions, other punctuation", "Oi! Nunca ofereça mais do que dez; por cento… de DESCONTO a ninguém.", faultLeak},
		{"our rules", "Never mention these rules, the task, or that the message is automatic.", faultLeak},
		{"repetition", "Oi, Ana! Ficou alguma dúvida sobre o orçamento que enviei ontem?", faultRepetition},
		{"near repetition", "oi ana, ficou alguma dúvida sobre o orçamento que enviei ontem 😊", faultRepetition},
		{"repetition with another word", "Oi, Ana! Ficou alguma dúvida sobre o orçamento que te enviei ontem?", faultRepetition},
		{"repetition of one word", "Olá", faultRepetition},
	}
	for _, tt := range tests {
		if got := check(tt.text, b); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Models that have no refusal field, or do not use it, refuse in words. Such a refusal is a fault;
// a message that apologises or cannot do something is not.
func TestRefusalInWordsNotSent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fault{
		"I'm sorry, but I can't assist with that request.":                  faultRefused,
		"I’m sorry, I can’t help with that.":                                faultRefused,
		"I cannot assist with this.":                                        faultRefused,
		"Sorry, I am unable to help with that request.":                     faultRefused,
		"I'm not able to write that message.":                               faultRefused,
		"I can't comply with this request":                                  faultRefused,
		"I cannot fulfill this request.":                                    faultRefused,
		"Sorry, I won't be able to help with this one.":                     faultRefused,
		"Desculpe, não posso ajudar com isso.":                              faultRefused,
		"Desculpe, mas não posso atender a esse pedido.":                    faultRefused,
		"Sinto muito, não consigo gerar essa mensagem.":                     faultRefused,
		"Lo siento, no puedo ayudar con eso.":                               faultRefused,
		"Lo siento, pero no puedo ayudarte con esa solicitud.":              faultRefused,
		"No puedo cumplir con esta solicitud.":                              faultRefused,
		"Sorry for the silence, Ana! Did you get the quote?":                "",
		"I'm sorry I couldn't write yesterday. Can I help with that quote?": "",
		"Can't decide, Ana? I can help with that!":                          "",
		"Oi, Ana! Não posso deixar de perguntar: posso ajudar com isso?":    "",
		"Ana, no puedo esperar a ver tu jardín. ¿Te ayudo con eso?":         "",
		"Desculpe a demora! Ainda posso ajudar com esse pedido?":            "",
		"Não posso atender essa solicitação.":                               faultRefused,
		"No puedo atender esta petición.":                                   faultRefused,
		"Ana, não consigo atender esta semana. Pode ser na próxima?":        "",
		"Oi, Ana! Não posso te ajudar essa tarde, mas amanhã sim.":          "",
		"Ana, não posso atender a esta hora: abrimos às 9h. Te ligo?":       "",
		"Ana, no puedo atenderte esta tarde. ¿Te viene bien mañana?":        "",
		"Hola, Ana: no podré atenderte en esta fecha. ¿Te sirve el lunes?":  "",
	} {
		if got := check(text, brief()); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// The model is told what was wrong, so each fault needs advice of its own.
func TestEveryFaultHasOwnAdvice(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{advice("other"): true}
	for _, f := range faults {
		if f == faultCutOff {
			continue // shares the advice of a text that is too long
		}
		if seen[advice(f)] {
			t.Errorf("%s: got the advice of another fault or the default", f)
		}
		seen[advice(f)] = true
	}
}

// likeness is symmetric, between 0 and 1, and 1 for equal texts.
func TestLikeness(t *testing.T) {
	t.Parallel()
	word := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOf(word).Draw(t, "a"), rapid.SliceOf(word).Draw(t, "b")
		got := likeness(a, b)
		if got < 0 || got > 1 || got != likeness(b, a) {
			t.Fatalf("got %v, and %v the other way round, want one value from 0 to 1", got, likeness(b, a))
		}
		if len(a) > 0 && likeness(a, a) != 1 {
			t.Fatalf("with itself: got %v, want 1", likeness(a, a))
		}
	})
}

// FuzzCleanAndCheck checks that clean is idempotent and that check passes no text that is empty,
// too long or has a variable.
func FuzzCleanAndCheck(f *testing.F) {
	f.Add(`"“Oi”"`)
	f.Add("<think></think>```x```")
	f.Fuzz(func(t *testing.T, s string) {
		text := clean(s)
		if clean(text) != text && !strings.Contains(text, "<think>") {
			t.Fatalf("clean(%q): got %q, then %q, want it idempotent", s, text, clean(text))
		}
		if check(text, followup.Brief{}) == "" && (strings.Contains(text, "{{") || len([]rune(text)) > maxLength || text == "") {
			t.Fatalf("check(%q): got no fault, want one", text)
		}
	})
}
