// Package view is the common form of the API's answers: a value that does not exist is null, an
// instant is RFC 3339 in UTC, and a list comes in pages. The services build their views with it,
// and server and cli pass the views on.
package view

import "time"

// OrNull returns a pointer to v, or nil if v is empty, which JSON shows as null.
func OrNull[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}

// Instant returns a pointer to t in UTC, or nil if t is zero, which JSON shows as null.
func Instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
