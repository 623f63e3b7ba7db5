package followup

import (
	"context"
	"errors"
	"time"

	"wagate/providers"
)

// Guard asks for leave to make one provider call, as the very last thing
// before it. previous is empty at first; on a retry it is the attempt that
// cannot have been sent.
type Guard func(ctx context.Context, previous AttemptID) (Verdict, error)

// Sender is the one way out to WhatsApp, shared by the runner and the API:
// pacing, breaker, then the guard, then the provider call, retried a bounded
// number of times only where nothing can have been sent, with the guard asked again
// before each. A guard for a template looks it up before it asks the store.
type Sender interface {
	// Send returns an error only if the guard could not be asked; then nothing was sent
	// since it last answered.
	Send(ctx context.Context, channel ChannelID, m providers.Message, guard Guard) (SendResult, error)
}

// SendResult is how sending ended: refused, failed, or accepted.
type SendResult struct {
	Refusal Refusal          // not Allowed: the guard said no, nothing was sent
	Attempt AttemptID        // the last attempt the guard allowed
	Sent    providers.Sent   // set if accepted
	Err     *providers.Error // set if the provider did not accept, or may have
	// Paced: the channel's own pacing would have it wait for Err.RetryAfter, longer than
	// Send waits. The provider was not asked, and nothing is wrong with it.
	Paced bool
}

// Templates tells what is known of an account's templates, and may not know.
type Templates interface {
	// Template returns what is known of a template; false if nothing is. What any
	// replica was told by a webhook before it is asked is in it. An error means that
	// nobody can say whether there is such a thing: nothing may be sent by it.
	Template(ctx context.Context, channel ChannelID, name, language string) (providers.TemplateInfo, bool, error)
}

// Brief is all that the writer is told to write one follow-up message.
type Brief struct {
	Company      string // the tenant's name
	Instructions string // the assistant's
	Lead         Lead
	Prompt       string // the step's, variables filled in
	History      []Entry
	Now          time.Time
	Step         int // counting from 1
	Steps        int
}

// The failures of a Writer.
var (
	// ErrAIUnavailable: the model could not be reached within the bounds.
	ErrAIUnavailable = errors.New("followup: model unavailable")
	// ErrAIUnusable: the model answered, and twice nothing that could be sent.
	ErrAIUnusable = errors.New("followup: model's text unusable")
)

// Writer writes the text of an AI step.
type Writer interface {
	// Write returns a text that may be sent as it is, or ErrAIUnavailable or
	// ErrAIUnusable.
	Write(ctx context.Context, b Brief) (string, error)
}
