package figure

import (
	"math"
	"slices"
	"time"
)

// Median returns the middle value, or the mean of the two middle ones if their number is even. It
// returns NaN if there are no values.
func Median(values ...float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}

// MedianOf returns the median of one figure over several runs.
func MedianOf[T any](runs []T, figure func(T) float64) float64 {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = figure(r)
	}
	return Median(values...)
}

// Quantile returns the q-quantile of sorted durations: the smallest one that at least the share q
// of them does not exceed, without interpolation. It returns zero if there are none.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Milliseconds returns d in milliseconds.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
