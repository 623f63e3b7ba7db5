package figure

import (
	"math"
	"slices"
	"testing"
	"time"
)

// TestMedian: the median must not depend on the order, and the values must stay as they were.
func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		values []float64
		want   float64
	}{
		{"one", []float64{4}, 4},
		{"odd, not in order", []float64{9, 1, 5}, 5},
		{"even: the mean of the middle two", []float64{8, 1, 2, 4}, 3},
		{"one far out", []float64{1, 2, 3, 4, 1e9}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			before := slices.Clone(c.values)
			if got := Median(c.values...); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if !slices.Equal(c.values, before) {
				t.Errorf("values: got %v, want them unchanged, %v", c.values, before)
			}
		})
	}
	if got := Median(); !math.IsNaN(got) {
		t.Errorf("no values: got %v, want NaN", got)
	}
}

func TestMedianOf(t *testing.T) {
	t.Parallel()
	if got := MedianOf([]string{"aaa", "a", "aa"}, func(s string) float64 { return float64(len(s)) }); got != 2 {
		t.Errorf("got %v, want 2", got)
	}
}

// TestQuantile: a quantile must be the smallest value that at least that share of the values does
// not exceed.
func TestQuantile(t *testing.T) {
	t.Parallel()
	upTo := func(n int) []time.Duration {
		list := make([]time.Duration, n)
		for i := range list {
			list[i] = time.Duration(i + 1)
		}
		return list
	}
	for _, c := range []struct {
		name string
		of   []time.Duration
		q    float64
		want time.Duration
	}{
		{"none", nil, 0.99, 0},
		{"one", upTo(1), 0.99, 1},
		{"the middle of an even number is the lower", upTo(10), 0.5, 5},
		{"the middle of an odd number", upTo(9), 0.5, 5},
		{"p99 of 100 leaves one out", upTo(100), 0.99, 99},
		{"p99 of 99 leaves none out", upTo(99), 0.99, 99},
		{"p99 of 1000 leaves ten out", upTo(1000), 0.99, 990},
		{"the least", upTo(100), 0, 1},
		{"the most", upTo(100), 1, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := Quantile(c.of, c.q); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestMilliseconds(t *testing.T) {
	t.Parallel()
	if got := Milliseconds(1500 * time.Microsecond); got != 1.5 {
		t.Errorf("got %v, want 1.5", got)
	}
}
