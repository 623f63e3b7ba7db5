package followup

import (
	"strings"
	"testing"
)

// A message is an opt-out if it is one of the words and nothing else, whatever its case,
// spaces, punctuation and emoji.
func TestOptOutMatch(t *testing.T) {
	t.Parallel()
	words := NewOptOutWords(append(DefaultOptOutWords(), "não quero", "  ", "!!"))
	for _, text := range []string{
		"STOP", "stop", "Stop.", "PARAR!", " parar \n", "“pare”", "*SAIR*", "sair...", "Cancelar 🙏", "unsubscribe", "Baja",
		"NÃO   QUERO", "\u200bstop\u200b",
	} {
		if !words.Match(text) {
			t.Errorf("Match(%q): got false, want true", text)
		}
	}
	for _, text := range []string{
		"", " ", "!", "👍", "please stop", "stop it", "STOP STOP", "não pare", "s t o p", "parares", "stop1", "unstoppable",
		"don't stop", "quero cancelar meu pedido", "STOP" + strings.Repeat(" ", 300),
	} {
		if words.Match(text) {
			t.Errorf("Match(%q): got true, want false", text)
		}
	}
}

// The list of words can be replaced or empty, and every default word matches.
func TestOptOutWordsConfigurable(t *testing.T) {
	t.Parallel()
	if NewOptOutWords(nil).Match("stop") || (OptOutWords{}).Match("") {
		t.Error("without words: got a match, want none")
	}
	if own := NewOptOutWords([]string{"arrêt"}); !own.Match("ARRÊT!") || own.Match("stop") {
		t.Error("own list: want a match for its own word only")
	}
	for _, word := range DefaultOptOutWords() {
		if !NewOptOutWords(DefaultOptOutWords()).Match(word) {
			t.Errorf("default word %q: got no match", word)
		}
	}
}
