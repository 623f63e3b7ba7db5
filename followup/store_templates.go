package followup

import (
	"context"
	"time"

	"wagate/providers"
)

// TemplateStore keeps what webhooks said of templates: what one replica was told
// every replica knows before it sends. An account is one provider's account as
// one app speaks of it, by whatever name the caller gives it.
type TemplateStore interface {
	// NoteTemplates takes in what a provider said of templates of the account, none of
	// it after real. Of status, category and quality the latest
	// word counts, each by itself, in whatever order they come; of one instant the
	// one that came last. What is empty says nothing. When it returns nil, that
	// is as durable as configured. No account has more than MaxTemplateNotes: the
	// oldest go, and so may those older than TemplateNoteAge. A thousand cost little
	// more than one.
	NoteTemplates(ctx context.Context, account string, said []TemplateSaid, real time.Time) error
	// TemplateNote returns what was said of the template of that name and language,
	// however the language is spelled; zero if nothing was.
	TemplateNote(ctx context.Context, account, name, language string) (TemplateNote, error)
}

// TemplateSaid is what a provider said of a template, and when.
type TemplateSaid struct {
	Change providers.TemplateChange
	At     time.Time
}

// TemplateNoteAge is how long at least it is remembered what was said of a
// template. A pause lasts some hours, and lists are read anew every some minutes:
// a note this old matters only where no list can be read at all.
const TemplateNoteAge = 30 * 24 * time.Hour

// MaxTemplateNotes is how many templates of an account are remembered: more than
// Meta lets one have.
const MaxTemplateNotes = 10_000

// TemplateNote is what was said of one template.
type TemplateNote struct {
	Status   TemplateWord // as providers.TemplateChange has it
	Category TemplateWord
	Quality  TemplateWord
	At       time.Time // of the latest that was said, also of something else
}

// TemplateWord is something said, and when.
type TemplateWord struct {
	Word string    // empty: nothing was said
	At   time.Time // by the provider's clock
}
