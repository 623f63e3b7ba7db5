package providers

import (
	"testing"
	"time"
)

// Instant reads seconds or milliseconds since 1970, from 2009 on. Anything else is the zero time.
func TestInstant(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 9, 21, 14, 13, 21, 0, time.UTC) // 1790000001
	first := time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"1790000001":       at,
		"1790000001500":    at.Add(500 * time.Millisecond),
		"1790000001.9":     at,
		"1.790000001e9":    at,
		"1790000001500.4":  at.Add(500 * time.Millisecond),
		"1230768000":       first,
		"1230767999":       {},
		"1230768000000":    first,
		"1230767999999":    {}, // before 2009, in milliseconds
		"100000000000":     time.Unix(1e11, 0).UTC(),
		"100000000001":     {}, // 1973, in milliseconds
		"10000000000000":   time.UnixMilli(1e13).UTC(),
		"10000000000001":   {},
		"":                 {},
		"0":                {},
		"1":                {},
		"-1790000001":      {},
		"x":                {},
		"1790000001 ":      {},
		"NaN":              {},
		"Inf":              {},
		"9999999999999999": {},
	} {
		if got := Instant(s); !got.Equal(want) || got.IsZero() != want.IsZero() {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}
