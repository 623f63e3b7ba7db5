// Package window is the arithmetic of WhatsApp's customer service window: the
// 24 hours after a lead's own message in which the business may write freely.
//
// It knows instants only. A window is a duration on the time line, so zones,
// daylight saving and leap days cannot matter. What moves the window, and what
// does not, is decided in followup/effects.go.
package window

import "time"

// Length is how long the window stays open after the lead's last message.
const Length = 24 * time.Hour

// Open reports whether free-form text may be sent at the instant at.
//
// It is closed for a lead who never wrote (zero lastInbound), after a refusal
// of the provider, and from exactly Length after the last message on. A last
// message in the future, which only a clock can explain, counts as one of now.
func Open(lastInbound, at time.Time, refused bool) bool {
	if lastInbound.IsZero() || refused {
		return false
	}
	return at.Before(lastInbound.Add(Length))
}

// ClosesAt returns the first instant at which the window that lastInbound
// opened is closed, or the zero time if the lead never wrote.
func ClosesAt(lastInbound time.Time) time.Time {
	if lastInbound.IsZero() {
		return time.Time{}
	}
	return lastInbound.Add(Length)
}
