package followup

import (
	"context"
	"errors"
	"time"

	"wagate/providers"
)

// Guard asks for permission to make one provider call. It is called as the very last thing before the
// call. previous is empty for the first call; on a retry, it is the attempt that cannot have been
// sent.
type Guard func(ctx context.Context, previous AttemptID) (Verdict, error)

// Sender is the only way out to WhatsApp, shared by the runner and the API. It applies pacing, the
// breaker and the guard, in this order, and then makes the provider call. It retries a bounded number
// of times, only if nothing can have been sent, and asks the guard again before each retry. The guard
// for a template message looks up the template before it asks the store.
type Sender interface {
	// Send sends the message, or returns in SendResult why it was not sent. It returns an error only
	// if the guard could not be asked; then nothing has been sent since the guard last answered.
	Send(ctx context.Context, channel ChannelID, m providers.Message, guard Guard) (SendResult, error)
}

// SendResult is how sending ended: refused, failed, or accepted.
type SendResult struct {
	Refusal Refusal          // if not Allowed: the guard refused, and nothing was sent
	Attempt AttemptID        // the last attempt the guard allowed
	Sent    providers.Sent   // set if accepted
	Err     *providers.Error // set if the provider did not accept, or may have
	// Paced is true if the channel's own pacing requires a wait of Err.RetryAfter, longer than Send
	// waits. The provider was not called, and nothing is wrong with it.
	Paced bool
}

// Templates tells what is known of the templates of a channel's account.
type Templates interface {
	// Template returns what is known of a channel's template, or false if nothing is. The answer
	// includes what any replica was told by a webhook before the call. An error means that what
	// webhooks said could not be read; then the template must not be sent.
	Template(ctx context.Context, channel ChannelID, name, language string) (providers.TemplateInfo, bool, error)
}

// Brief is everything the writer is given to write one follow-up message.
type Brief struct {
	Company      string // the tenant's name
	Instructions string // the assistant's
	Lead         Lead
	Prompt       string // the step's, with variables filled in
	History      []Entry
	Now          time.Time
	Step         int // counting from 1
	Steps        int
}

// The errors of a Writer.
var (
	// ErrAIUnavailable: the model could not be reached within the time and tries allowed.
	ErrAIUnavailable = errors.New("followup: model unavailable")
	// ErrAIUnusable: the model answered twice, and neither answer could be sent.
	ErrAIUnusable = errors.New("followup: model's text unusable")
)

// Writer writes the text of an AI step.
type Writer interface {
	// Write returns a text that may be sent as it is, or ErrAIUnavailable or ErrAIUnusable.
	Write(ctx context.Context, b Brief) (string, error)
}
