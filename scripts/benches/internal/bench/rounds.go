package bench

import (
	"context"
	"fmt"
)

// Side is one of several things that are compared.
type Side[T any] struct {
	Name string
	Run  func(context.Context) (T, error)
}

// Rounds runs every side once per round, in turn, and in reverse order in every second round, so
// that other load on the machine falls on all sides alike. It prints each run and returns the runs
// by side.
func Rounds[T fmt.Stringer](ctx context.Context, b *Bench, what string, n int, sides ...Side[T]) (map[string][]T, error) {
	runs := make(map[string][]T, len(sides))
	for round := range n {
		for i := range sides {
			side := sides[i]
			if round%2 == 1 {
				side = sides[len(sides)-1-i]
			}
			r, err := side.Run(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s, %s, round %d: %w", what, side.Name, round+1, err)
			}
			b.Printf("run %s %d/%d %s: %s\n", what, round+1, n, side.Name, r)
			runs[side.Name] = append(runs[side.Name], r)
		}
	}
	return runs, nil
}
