package outbound

import (
	"time"

	"wagate/followup"
	"wagate/providers"
)

// complainEvery is how often one channel's trouble is said in the log.
const complainEvery = time.Minute

// Complain says in the log that a human is needed, if that is what an answer or a receipt says:
// nothing else there would, and the metric does not name the channel. Some providers take a message
// whatever their trouble with the account, and tell it by a receipt alone.
func (s *Service) Complain(c followup.ChannelID, e *providers.Error) {
	line, ok := s.lines[c]
	if !ok || e.Kind != providers.Operator || !s.mayComplain(c) {
		return
	}
	s.log.Error("provider refuses the channel: token, payment or policy",
		"channel", c, "provider", line.Channel.Provider, "code", e.Code, "status", e.Status)
}

// mayComplain reports whether a channel's trouble is to be said, and notes that it is.
func (s *Service) mayComplain(c followup.ChannelID) bool {
	now := s.p.Real()
	if last, ok := s.complained.Load(c); ok && now.Sub(last.(time.Time)) < complainEvery { //nolint:errcheck,forcetypeassert // stored below
		return false
	}
	s.complained.Store(c, now)
	return true
}
