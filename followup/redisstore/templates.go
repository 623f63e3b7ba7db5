package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/providers"
)

var noteTemplateScript = load("note_template")

// templateNote is a note as it is stored; times in milliseconds.
type templateNote struct {
	At         int64  `json:"a"`
	Status     string `json:"s"`
	StatusAt   int64  `json:"sa"`
	Category   string `json:"c"`
	CategoryAt int64  `json:"ca"`
	Quality    string `json:"q"`
	QualityAt  int64  `json:"qa"`
}

// NoteTemplate implements followup.TemplateStore. All notes of an account are in
// one slot, and a reader asks for one of them: rejected were copies in every
// partition, as of control state, since there are thousands of templates.
func (s *Store) NoteTemplate(
	ctx context.Context, account string, c providers.TemplateChange, at, real time.Time,
) error {
	_, err := s.runDurable(ctx, noteTemplateScript, []string{templatesKey(account), templatesOrderKey(account)},
		templateField(c.Name, c.Language),
		marshal(map[string]any{"a": ms(at), "s": c.Status, "c": c.Category, "q": c.Quality}),
		ms(real.Add(-followup.TemplateNoteAge)), followup.MaxTemplateNotes, followup.TemplateNoteAge.Milliseconds())
	if err != nil {
		return fmt.Errorf("note template: %w", err)
	}
	return nil
}

// TemplateNote implements followup.TemplateStore.
func (s *Store) TemplateNote(ctx context.Context, account, name, language string) (followup.TemplateNote, error) {
	text, err := s.db.HGet(ctx, templatesKey(account), templateField(name, language)).Result()
	if errors.Is(err, redis.Nil) {
		return followup.TemplateNote{}, nil
	}
	if err != nil {
		return followup.TemplateNote{}, fmt.Errorf("read template note: %w", err)
	}
	var n templateNote
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return followup.TemplateNote{}, fmt.Errorf("read template note: %w", errReply)
	}
	return followup.TemplateNote{
		Status:   followup.TemplateWord{Word: n.Status, At: fromMS(n.StatusAt)},
		Category: followup.TemplateWord{Word: n.Category, At: fromMS(n.CategoryAt)},
		Quality:  followup.TemplateWord{Word: n.Quality, At: fromMS(n.QualityAt)},
		At:       fromMS(n.At),
	}, nil
}

// templateField is a template's name and language in a fixed length.
func templateField(name, language string) string {
	return digest(name + "\n" + providers.NormalLanguage(language))
}
