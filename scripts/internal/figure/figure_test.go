package figure

import (
	"math"
	"strings"
	"testing"
)

// TestEnd: End must print each figure, count the aims that hold, and report whether all do. What
// decides is the value, not its rounded form.
func TestEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		note func(*Sheet)
		want string
		ok   bool
	}{
		{"no figure has an aim", func(s *Sheet) { s.Figure("x_per_s", 12345.6) }, "figure x_per_s 12346\n0 of 0 hold\n", true},
		{
			"all hold, also one equal to its aim",
			func(s *Sheet) {
				s.Judge("a", 0.35, AtLeast(0.35))
				s.Judge("b", 2, AtMost(2))
			},
			"figure a 0.350 aim >=0.35 ok\nfigure b 2.00 aim <=2 ok\n2 of 2 hold\n", true,
		},
		{
			"a value rounded to its aim may fall short of it",
			func(s *Sheet) { s.Judge("a", 0.34999, AtLeast(0.35)) },
			"figure a 0.350 aim >=0.35 short\n0 of 1 hold\n", false,
		},
		{
			"one falls short, and figures without an aim come first",
			func(s *Sheet) {
				s.Judge("a", 20.1, AtMost(20))
				s.Figure("b", 3)
				s.Judge("c", 96, AtMost(96))
			},
			"figure b 3.00\nfigure a 20.1 aim <=20 short\nfigure c 96.0 aim <=96 ok\n1 of 2 hold\n", false,
		},
		{
			"an unknown value does not hold",
			func(s *Sheet) { s.Judge("a", math.NaN(), AtMost(1)) },
			"figure a unknown aim <=1 short\n0 of 1 hold\n", false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			s := NewSheet(&out)
			c.note(s)
			if got := s.End(); got != c.ok {
				t.Errorf("got %v, want %v", got, c.ok)
			}
			if out.String() != c.want {
				t.Errorf("got\n%swant\n%s", out.String(), c.want)
			}
		})
	}
}
