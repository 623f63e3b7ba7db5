package bench

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wagate/scripts/internal/figure"
)

// turn is a result that says as which run it was made.
type turn int

func (t turn) String() string { return strconv.Itoa(int(t)) }

// sides returns sides that append their name to order when they run; the one called fail fails.
func sides(order *[]string, fail string, names ...string) []Side[turn] {
	var list []Side[turn]
	for _, n := range names {
		list = append(list, Side[turn]{Name: n, Run: func(context.Context) (turn, error) {
			*order = append(*order, n)
			if n == fail {
				return 0, errRun
			}
			return turn(len(*order)), nil
		}})
	}
	return list
}

var errRun = errors.New("run failed")

// TestRounds: every other round must run the sides in reverse order, and each run must be printed.
func TestRounds(t *testing.T) {
	t.Parallel()
	var order []string
	var out strings.Builder
	b := &Bench{Sheet: figure.NewSheet(&out)}
	runs, err := Rounds(t.Context(), b, "what", 3, sides(&order, "", "a", "b", "c")...)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(order, " "), "a b c c b a a b c"; got != want {
		t.Errorf("order: got %s, want %s", got, want)
	}
	if want := []turn{2, 5, 8}; !slices.Equal(runs["b"], want) {
		t.Errorf("runs of b: got %v, want %v", runs["b"], want)
	}
	if n := strings.Count(out.String(), "\n"); n != 9 || !strings.Contains(out.String(), "run what 2/3 c: 4\n") {
		t.Errorf("printed: got\n%swant one line for each run", out.String())
	}
}

// TestRoundsEndWithAnError: the first error must end the rounds, and say which run failed.
func TestRoundsEndWithAnError(t *testing.T) {
	t.Parallel()
	var order []string
	b := &Bench{Sheet: figure.NewSheet(io.Discard)}
	_, err := Rounds(t.Context(), b, "what", 3, sides(&order, "b", "a", "b", "c")...)
	if !errors.Is(err, errRun) || !strings.Contains(err.Error(), "what, b, round 1") {
		t.Errorf("got %v, want the error of b and which run it was", err)
	}
	if len(order) != 2 {
		t.Errorf("got turns %v, want none after the error", order)
	}
}
