package fault

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestProblemsErr: the error's code is MissingField if fields are only absent, and Validation if
// any field is wrong.
func TestProblemsErr(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		fill func(*Problems)
		want Code
	}{
		{"nothing wrong", func(*Problems) {}, ""},
		{"only absent fields", func(p *Problems) { p.Absent("name"); p.Absent("phone") }, MissingField},
		{"only a wrong field", func(p *Problems) { p.Add("phone", "is not a phone number") }, Validation},
		{"one absent, one wrong", func(p *Problems) { p.Absent("name"); p.Add("phone", "is not a phone number") }, Validation},
		{"found elsewhere", func(p *Problems) { p.Append(Detail{Field: "steps", Problem: "is required", Missing: true}) }, MissingField},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var p Problems
			tt.fill(&p)
			err := p.Err()
			e, ok := errors.AsType[*Error](err)
			if tt.want == "" {
				if err != nil {
					t.Fatalf("got %v, want no error", err)
				}
				return
			}
			if !ok || e.Code != tt.want {
				t.Fatalf("got %v, want code %s", err, tt.want)
			}
			if len(e.Details) != len(p.list) {
				t.Errorf("got %d details, want %d", len(e.Details), len(p.list))
			}
		})
	}
}

// TestProblemsAreBounded: the number of details and the length of a field's name are bounded, and a
// name is cut between characters.
func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	var p Problems
	for range 1000 {
		p.Add(strings.Repeat("é", 1000), "is not a known field")
	}
	if len(p.list) != maxDetails {
		t.Errorf("got %d details, want %d", len(p.list), maxDetails)
	}
	if f := p.list[0].Field; len(f) > maxField+len("…") || !utf8.ValidString(f) {
		t.Errorf("got a field of %d bytes, %q, want it cut between characters", len(f), f)
	}
}
