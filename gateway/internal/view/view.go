// Package view is how answers of the API look, whatever they are about: what is
// not there is null, an instant is RFC 3339 in UTC, and a list comes in pages.
// The services view their records with it; server and cli carry the views.
package view

import "time"

// OrNull returns what is shown of a text: null if there is none.
func OrNull[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}

// Instant returns what is shown of an instant: null if it is zero.
func Instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
