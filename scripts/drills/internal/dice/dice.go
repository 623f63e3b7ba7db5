// Package dice throws what a drill leaves to chance. All of it comes from the seed.
package dice

import (
	"math/rand/v2"
	"time"
)

// Dice are thrown.
type Dice struct{ *rand.Rand }

// New returns the dice of a seed.
func New(seed uint64) Dice {
	return Dice{rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // no secret
}

// Seed is one for when none was given.
func Seed() uint64 { return 1 + rand.Uint64N(1_000_000) } //nolint:gosec // no secret

// Chance is true so many times in a hundred.
func (d Dice) Chance(percent int) bool { return d.IntN(100) < percent }

// Within returns a duration from least, and less than most.
func (d Dice) Within(least, most time.Duration) time.Duration {
	return least + time.Duration(d.Int64N(int64(most-least)))
}

// Spread returns n instants in order, evenly spread over d but for chance.
func (d Dice) Spread(n int, within time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = time.Duration((float64(i) + d.Float64()) * float64(within) / float64(n))
	}
	return all
}

// Pick returns one of a list.
func Pick[T any](d Dice, list []T) T { return list[d.IntN(len(list))] }
