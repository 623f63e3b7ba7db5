package outbound

import (
	"errors"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// complainEvery is how often at most the same complaint about a channel is logged.
const complainEvery = time.Minute

// complaint identifies what is complained of: a kind of error on a channel.
type complaint struct {
	channel followup.ChannelID
	kind    providers.ErrorKind
}

// Complain logs e, an error from a provider's answer or from a receipt, if its kind is
// providers.Operator (a human is needed) or providers.Throttled (the provider wants fewer
// messages), at most once per complainEvery for each channel and kind. Nothing else in the log
// names the channel, and the metric does not either. Receipts count because some providers
// accept a message whatever is wrong with the account, and report the trouble in a receipt only.
// Complain ignores a channel that has no line. It is safe for concurrent use.
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

// logText returns the text of an error for the log. For a provider's error it adds the cause as the
// transport words it, which comes from a closed set of words.
func logText(err error) string {
	if e, ok := errors.AsType[*providers.Error](err); ok && e.Cause != nil {
		return e.Error() + ": " + e.Cause.Error()
	}
	return err.Error()
}
