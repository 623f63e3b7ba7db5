package storetest

import (
	"time"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/providers"
)

// templateTests: what was said of a template is known by name and language. Of each property the
// latest word counts, whichever came first.
func templateTests() []test {
	type change = providers.TemplateChange
	visit := func(status, category, quality string) change {
		return change{Name: "visit", Language: "pt_BR", Status: status, Category: category, Quality: quality}
	}
	// said is a change that was said some time ago.
	type said struct {
		change

		ago time.Duration
	}
	note := func(w *world, account string, all ...said) {
		w.Helper()
		var list []followup.TemplateSaid
		for _, s := range all {
			list = append(list, followup.TemplateSaid{Change: s.change, At: w.now.Add(-s.ago)})
		}
		w.must(w.s.NoteTemplates(w.ctx, account, list, w.now), "NoteTemplates")
	}
	known := func(w *world, account, name, language string) followup.TemplateNote {
		w.Helper()
		n, err := w.s.TemplateNote(w.ctx, account, name, language)
		w.must(err, "TemplateNote")
		return n
	}
	word := func(w *world, word string, ago time.Duration) followup.TemplateWord {
		return followup.TemplateWord{Word: word, At: w.now.Add(-ago)}
	}
	return []test{
		{"a note is found by account, name and language", func(w *world) {
			account := uuid.NewString()
			note(w, account, said{visit("PAUSED", "MARKETING", ""), time.Second}, said{change{Name: "visit", Language: "en-US", Status: "DISABLED"}, 0})
			w.is(known(w, account, "visit", "pt-BR"), followup.TemplateNote{
				Status: word(w, "PAUSED", time.Second), Category: word(w, "MARKETING", time.Second), At: w.now.Add(-time.Second),
			}, "the note")
			w.is(known(w, account, "visit", "en_US").Status, word(w, "DISABLED", 0), "status in the other language")
			for what, n := range map[string]followup.TemplateNote{
				"another name":             known(w, account, "visits", "pt_BR"),
				"another language":         known(w, account, "visit", "pt"),
				"another account":          known(w, uuid.NewString(), "visit", "pt_BR"),
				"name and language joined": known(w, account, "visit\npt_BR", ""),
			} {
				w.is(n, followup.TemplateNote{}, "%s", what)
			}
		}},
		{"the latest word counts, for each field by itself", func(w *world) {
			account := uuid.NewString()
			note(w, account,
				said{visit("PAUSED", "", ""), time.Minute},
				said{visit("APPROVED", "UTILITY", ""), time.Hour},  // late
				said{visit("", "MARKETING", "RED"), 2 * time.Hour}, // later still
			)
			want := followup.TemplateNote{
				Status: word(w, "PAUSED", time.Minute), Category: word(w, "UTILITY", time.Hour), Quality: word(w, "RED", 2*time.Hour),
				At: w.now.Add(-time.Minute),
			}
			w.is(known(w, account, "visit", "pt_BR"), want, "the note")
			note(w, account, said{visit("APPROVED", "UTILITY", ""), time.Hour}) // a repetition
			w.is(known(w, account, "visit", "pt_BR"), want, "the note after a repetition")
		}},
		{"of words of one instant the one that came last counts", func(w *world) {
			account := uuid.NewString()
			note(w, account, said{visit("PAUSED", "", ""), 0}, said{visit("APPROVED", "", ""), 0})
			w.is(known(w, account, "visit", "pt_BR").Status.Word, "APPROVED", "status")
			note(w, account, said{visit("PAUSED", "", ""), 0})
			w.is(known(w, account, "visit", "pt_BR").Status.Word, "PAUSED", "status after another call")
		}},
		{"a notice without a field leaves the field, and still is the latest", func(w *world) {
			account := uuid.NewString()
			note(w, account, said{visit("PAUSED", "", ""), time.Hour}, said{visit("", "", ""), time.Minute})
			w.is(known(w, account, "visit", "pt_BR"), followup.TemplateNote{
				Status: word(w, "PAUSED", time.Hour), At: w.now.Add(-time.Minute),
			}, "the note")
		}},
	}
}
