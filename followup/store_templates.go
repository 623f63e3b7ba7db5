package followup

import (
	"context"
	"time"

	"wagate/providers"
)

// TemplateStore keeps what webhooks said about templates: what one replica was told, every replica
// knows before it sends. An account is one provider's account as one app sees it. The caller chooses
// its name.
type TemplateStore interface {
	// NoteTemplates records what a provider said about templates of the account, none of it after
	// real. For each of status, category and quality, the latest word counts, in whatever order they
	// come; of two words of the same instant, the one that came last. An empty word says nothing.
	// When it returns nil, the words are as durable as configured. No account keeps more than
	// MaxTemplateNotes: the oldest are removed, and those older than TemplateNoteAge may be. A
	// thousand words in one call cost little more than one.
	NoteTemplates(ctx context.Context, account string, said []TemplateSaid, real time.Time) error
	// TemplateNote returns what was said of the template of that name and language, in any spelling
	// of the language; zero if nothing was.
	TemplateNote(ctx context.Context, account, name, language string) (TemplateNote, error)
}

// TemplateSaid is what a provider said about a template, and when.
type TemplateSaid struct {
	Change providers.TemplateChange
	At     time.Time
}

// TemplateNoteAge is how long at least a template's note is remembered. A pause lasts some hours,
// and template lists are read again every few minutes, so a note this old matters only where no list
// can be read at all.
const TemplateNoteAge = 30 * 24 * time.Hour

// MaxTemplateNotes is how many templates of an account are remembered: more than Meta lets an
// account have.
const MaxTemplateNotes = 10_000

// TemplateNote is what was said about one template.
type TemplateNote struct {
	Status   TemplateWord // as providers.TemplateChange has it
	Category TemplateWord
	Quality  TemplateWord
	At       time.Time // when anything was last said about the template
}

// TemplateWord is one thing that was said, and when.
type TemplateWord struct {
	Word string    // empty: nothing was said
	At   time.Time // by the provider's clock
}
