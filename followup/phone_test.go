package followup

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A Brazilian mobile and a Mexican number have two spellings, of which one is canonical.
// Every other phone has one.
func TestCanonicalPhone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, phone, canonical, twin string }{
		{"Brazilian mobile", "5511912345678", "5511912345678", "551112345678"},
		{"without the ninth digit", "551112345678", "5511912345678", "5511912345678"},
		{"old Brazilian mobile that begins with 9", "551198765432", "5511998765432", "5511998765432"},
		{"the same, with the ninth digit", "5511998765432", "5511998765432", "551198765432"},
		{"Brazilian landline", "551123456789", "551123456789", ""},
		{"mobile that ends like a landline", "5511923456789", "5511923456789", ""},
		{"landline that begins with 5", "551153456789", "551153456789", ""},
		{"Brazilian with nine digits that do not begin with 9", "5511812345678", "5511812345678", ""},
		{"no Brazilian area code: 0 first", "5501912345678", "5501912345678", ""},
		{"no Brazilian area code: 0 second", "551012345678", "551012345678", ""},
		{"Brazilian, a digit short", "55111234567", "55111234567", ""},
		{"Mexican", "525512345678", "525512345678", "5215512345678"},
		{"Mexican with the old 1", "5215512345678", "525512345678", "525512345678"},
		{"Mexican with the old 1, a digit short", "521551234567", "521551234567", ""},
		{"no Mexican number begins with 1", "5211234567890", "5211234567890", ""},
		{"another country", "15550100001", "15550100001", ""},
		{"another country of that length", "442012345678", "442012345678", ""},
		{"not only digits", "55119123456x8", "55119123456x8", ""},
		{"empty", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := CanonicalPhone(c.phone); got != c.canonical {
				t.Errorf("CanonicalPhone(%q): got %q, want %q", c.phone, got, c.canonical)
			}
			if got := PhoneTwin(c.phone); got != c.twin {
				t.Errorf("PhoneTwin(%q): got %q, want %q", c.phone, got, c.twin)
			}
		})
	}
}

// line is a telephone line as its country's numbering plan defines it, apart
// from how it is spelled.
type line struct {
	kind   string
	number string // area and subscriber
}

// spellings returns every spelling that WhatsApp may use for the line, the canonical one first.
func (l line) spellings() []string {
	switch l.kind {
	case "brazilian mobile":
		long := "55" + l.number[:2] + "9" + l.number[2:]
		if strings.Contains("2345", l.number[2:3]) {
			return []string{long}
		}
		return []string{long, "55" + l.number}
	case "brazilian landline":
		return []string{"55" + l.number}
	case "mexican":
		return []string{"52" + l.number, "521" + l.number}
	}
	return []string{l.number}
}

// digits generates n digits, the first of them from the class first.
func digits(n int, first string) *rapid.Generator[string] {
	return rapid.StringMatching(fmt.Sprintf("[%s][0-9]{%d}", first, n-1))
}

// anyLine draws a line of any kind.
func anyLine(t *rapid.T) line {
	area := rapid.StringMatching("[1-9][1-9]")
	switch kind := rapid.SampledFrom([]string{"brazilian mobile", "brazilian landline", "mexican", "other"}).Draw(t, "kind"); kind {
	case "brazilian mobile":
		return line{kind, area.Draw(t, "area") + digits(8, "1-9").Draw(t, "subscriber")}
	case "brazilian landline":
		return line{kind, area.Draw(t, "area") + digits(8, "2-5").Draw(t, "subscriber")}
	case "mexican":
		return line{kind, digits(10, "2-9").Draw(t, "number")}
	default:
		country := rapid.SampledFrom([]string{"1", "44", "34", "54", "549", "53", "57"}).Draw(t, "country")
		return line{kind, country + digits(rapid.IntRange(8, 11).Draw(t, "digits"), "1-9").Draw(t, "number")}
	}
}

// TestSpellingsOfOnePhoneMatch checks that all spellings of one line have the same canonical form,
// and that two lines never share one.
func TestSpellingsOfOnePhoneMatch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyLine(t), anyLine(t)
		if rapid.Bool().Draw(t, "alike") {
			b = line{b.kind, a.number} // the same digits, on the same or another plan
			if b.kind == "brazilian landline" && !strings.Contains("2345", a.number[2:3]) || b.kind == "other" || a.kind == "other" {
				t.Skip("these digits are no line of that kind")
			}
		}
		for _, x := range a.spellings() {
			for _, y := range b.spellings() {
				if got := SamePhone(x, y); got != (a == b) && x != y {
					t.Fatalf("SamePhone(%s, %s): got %v for %+v and %+v", x, y, got, a, b)
				}
			}
			if got, want := CanonicalPhone(x), a.spellings()[0]; got != want {
				t.Fatalf("CanonicalPhone(%s): got %s, want %s", x, got, want)
			}
		}
	})
}

// FuzzPhone checks that CanonicalPhone is stable, that a phone and its twin are each other's twins,
// and that only Brazilian and Mexican phones have one.
func FuzzPhone(f *testing.F) {
	for _, s := range []string{"5511912345678", "551112345678", "551123456789", "5215512345678", "525512345678", "15550100001", "+55 11", "٥٥"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		canonical, twin := CanonicalPhone(s), PhoneTwin(s)
		if again := CanonicalPhone(canonical); again != canonical {
			t.Fatalf("CanonicalPhone(%q): got %q, and for that %q, want it unchanged", s, canonical, again)
		}
		if twin == "" {
			if canonical != s {
				t.Fatalf("CanonicalPhone(%q): got %q for a phone with one spelling, want it unchanged", s, canonical)
			}
			return
		}
		if twin == s || !SamePhone(s, twin) || PhoneTwin(twin) != s {
			t.Fatalf("PhoneTwin(%q): got %q, whose twin is %q, want each other's twins of one phone", s, twin, PhoneTwin(twin))
		}
		if canonical != s && canonical != twin {
			t.Fatalf("CanonicalPhone(%q): got %q, want one of its spellings", s, canonical)
		}
		if !strings.HasPrefix(s, "55") && !strings.HasPrefix(s, "52") {
			t.Fatalf("PhoneTwin(%q): got %q for a phone of another country", s, twin)
		}
	})
}
