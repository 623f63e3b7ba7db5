package followup

import "testing"

// TestSameNumber checks that sameNumber accepts a number that is dialled in another form than
// WhatsApp writes it, in either order, and no other number.
func TestSameNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what string
		a, b string
		want bool
	}{
		{"Argentina's 9", "541123456789", "5491123456789", true},
		{"Argentina's 15", "541123456789", "54111523456789", true},
		{"Brazil's ninth digit", "551187654321", "5511987654321", true},
		{"Mexico's 1", "525512345678", "5215512345678", true},
		{"a trunk zero", "491701234567", "4901701234567", true},
		{"the same", "491701234567", "491701234567", true},
		{"another digit", "491701234567", "491701234568", false},
		{"another area", "551187654321", "5521987654321", false},
		{"another country", "12025550123", "442025550123", false},
		{"an extra digit at the end", "491701234567", "4917012345670", false},
		{"an extra digit among the last eight", "491701234567", "4917012345567", false},
		{"three extra digits", "541123456789", "549991123456789", false},
		{"too short to tell", "4912345", "49912345", false},
		{"both empty", "", "", false},
		{"one empty", "491701234567", "", false},
	} {
		if got := sameNumber(c.a, c.b); got != c.want {
			t.Errorf("%s: %s and %s: got %v, want %v", c.what, c.a, c.b, got, c.want)
		}
		if got := sameNumber(c.b, c.a); got != c.want {
			t.Errorf("%s, the other way round: got %v, want %v", c.what, got, c.want)
		}
	}
}
