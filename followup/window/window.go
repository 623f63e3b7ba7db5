// Package window computes WhatsApp's customer service window: the 24 hours after a lead's own message
// in which the business may send free-form text.
//
// It works on instants only. A window is a duration on the time line, so time zones, daylight saving
// and leap days do not matter. File followup/effects.go decides which events move the window.
package window

import "time"

// Length is how long the window stays open after the lead's last message.
const Length = 24 * time.Hour

// Open reports whether free-form text may be sent at the instant at.
//
// The window is closed for a lead who never wrote (zero lastInbound), after the provider refused a
// message, and from exactly Length after the last message. A last message after at, which only clock
// skew can explain, leaves the window open.
func Open(lastInbound, at time.Time, refused bool) bool {
	if lastInbound.IsZero() || refused {
		return false
	}
	return at.Before(lastInbound.Add(Length))
}

// ClosesAt returns the first instant at which the window opened by lastInbound is closed, or the zero
// time if the lead never wrote.
func ClosesAt(lastInbound time.Time) time.Time {
	if lastInbound.IsZero() {
		return time.Time{}
	}
	return lastInbound.Add(Length)
}
