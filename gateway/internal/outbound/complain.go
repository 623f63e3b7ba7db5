package outbound

import (
	"errors"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// complainEvery is how often one channel's trouble is said in the log.
const complainEvery = time.Minute

// complaint is a channel's trouble of a kind.
type complaint struct {
	channel followup.ChannelID
	kind    providers.ErrorKind
}

// Complain says in the log that a human is needed, or that the provider wants less, if that is what an
// answer or a receipt says: nothing else there would, and the metric does not name the channel. Some
// providers take a message whatever their trouble with the account, and tell it by a receipt alone.
func (s *Service) Complain(c followup.ChannelID, e *providers.Error) {
	line, ok := s.lines[c]
	if !ok || e.Kind != providers.Operator && e.Kind != providers.Throttled || !s.complaints.Allow(complaint{c, e.Kind}, s.p.Real()) {
		return
	}
	log := s.log.With("channel", c, "provider", line.Channel.Provider, "code", e.Code, "status", e.Status)
	if e.Kind == providers.Throttled {
		log.Warn("provider throttles the channel's messages")
		return
	}
	log.Error("provider refuses the channel: token, payment or policy")
}

// why words an error for the log: a provider's with what the transport says of it, in closed words.
func why(err error) string {
	if e, ok := errors.AsType[*providers.Error](err); ok && e.Cause != nil {
		return e.Error() + ": " + e.Cause.Error()
	}
	return err.Error()
}
