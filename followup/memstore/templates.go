package memstore

import (
	"context"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// templateID names a template of an account.
type templateID struct{ account, name, language string }

// NoteTemplates implements followup.TemplateStore.
func (s *Store) NoteTemplates(ctx context.Context, account string, said []followup.TemplateSaid, _ time.Time) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, one := range said {
		s.noteTemplate(account, one.Change, ms(one.At))
	}
	return nil
}

func (s *Store) noteTemplate(account string, c providers.TemplateChange, at time.Time) {
	id := templateID{account, c.Name, providers.NormalLanguage(c.Language)}
	n := s.templates[id]
	hear := func(w *followup.TemplateWord, word string) {
		if word != "" && !at.Before(w.At) {
			*w = followup.TemplateWord{Word: word, At: at}
		}
	}
	hear(&n.Status, c.Status)
	hear(&n.Category, c.Category)
	hear(&n.Quality, c.Quality)
	n.At = followup.Later(n.At, at)
	s.templates[id] = n
}

// TemplateNote implements followup.TemplateStore.
func (s *Store) TemplateNote(ctx context.Context, account, name, language string) (followup.TemplateNote, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.TemplateNote{}, err
	}
	defer unlock()
	return s.templates[templateID{account, name, providers.NormalLanguage(language)}], nil
}
