// Package dice makes the random choices of a drill. All of them follow from its seed.
package dice

import (
	"math/rand/v2"
	"time"
)

// Dice is a source of random choices.
type Dice struct{ *rand.Rand }

// New returns dice with a seed.
func New(seed uint64) Dice {
	return Dice{rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // no secret
}

// Seed returns a random seed.
func Seed() uint64 { return 1 + rand.Uint64N(1_000_000) } //nolint:gosec // no secret

// Chance returns true in percent of 100 cases.
func (d Dice) Chance(percent int) bool { return d.IntN(100) < percent }

// Within returns a duration of at least least and less than most.
func (d Dice) Within(least, most time.Duration) time.Duration {
	return least + time.Duration(d.Int64N(int64(most-least)))
}

// Spread returns n instants in order: one at random in each of n equal parts of within.
func (d Dice) Spread(n int, within time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = time.Duration((float64(i) + d.Float64()) * float64(within) / float64(n))
	}
	return all
}

// Pick returns a random element of list.
func Pick[T any](d Dice, list []T) T { return list[d.IntN(len(list))] }
