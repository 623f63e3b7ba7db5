package redisstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/providers"
)

var noteTemplatesScript = load("note_templates")

// templateNote is a followup.TemplateNote as it is stored; times are in milliseconds.
type templateNote struct {
	Version    int    `json:"v"`
	At         int64  `json:"a"`
	Status     string `json:"s"`
	StatusAt   int64  `json:"sa"`
	Category   string `json:"c"`
	CategoryAt int64  `json:"ca"`
	Quality    string `json:"q"`
	QualityAt  int64  `json:"qa"`
}

// noteChunk is how many changes one script notes. That many hold up Redis for a few milliseconds.
const noteChunk = 500

// NoteTemplates implements followup.TemplateStore. All notes of an account are in one slot, and a
// reader asks for one of them. A script notes up to noteChunk changes, and there is no pipeline of
// scripts, so that the changes are in order and share one WAIT. Rejected: copies in every partition,
// as the control state has them, because there are thousands of templates.
func (s *Store) NoteTemplates(ctx context.Context, account string, said []followup.TemplateSaid, real time.Time) error {
	var left error
	for chunk := range slices.Chunk(said, noteChunk) {
		args := []any{
			ms(real.Add(-followup.TemplateNoteAge)), followup.MaxTemplateNotes, followup.TemplateNoteAge.Milliseconds(),
		}
		for _, one := range chunk {
			c := one.Change
			args = append(args, templateField(c.Name, c.Language),
				marshal(map[string]any{"a": ms(one.At), "s": c.Status, "c": c.Category, "q": c.Quality}))
		}
		keys := []string{templatesKey(account), templatesOrderKey(account)}
		v, err := s.runDurable(ctx, noteTemplatesScript, keys, args...)
		if err != nil {
			return fmt.Errorf("note templates: %w", err)
		}
		left = cmp.Or(left, s.checkReply("template note", v))
	}
	return left
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
	if err := s.checkVersion("template note", strconv.Itoa(n.Version)); err != nil {
		return followup.TemplateNote{}, err
	}
	return followup.TemplateNote{
		Status:   followup.TemplateWord{Word: n.Status, At: fromMS(n.StatusAt)},
		Category: followup.TemplateWord{Word: n.Category, At: fromMS(n.CategoryAt)},
		Quality:  followup.TemplateWord{Word: n.Quality, At: fromMS(n.QualityAt)},
		At:       fromMS(n.At),
	}, nil
}

// templateField returns the field of a template's note: its name and language in a fixed length.
func templateField(name, language string) string {
	return digest(name + "\n" + providers.NormalLanguage(language))
}
