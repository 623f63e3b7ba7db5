package followup

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestJoinFieldsStaysWithinTheBounds: what is joined can be put back as it is, and nothing that fits is left out.
func TestJoinFieldsStaysWithinTheBounds(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("x", n) }
	const all = MaxFieldsBytes
	for _, row := range []struct {
		name         string
		ours, theirs map[string]any
		want         []string
	}{
		{"nothing and nothing", nil, nil, nil},
		{"as many bytes as may be", nil, map[string]any{"a": long(all - len(`{"a":""}`))}, []string{"a"}},
		{"one more", nil, map[string]any{"a": long(all + 1 - len(`{"a":""}`))}, nil},
		{"beside ours", map[string]any{"a": long(all - len(`{"a":"","b":1}`))}, map[string]any{"a": 2, "b": 1}, []string{"a", "b"}},
		{"one more than that", map[string]any{"a": long(all + 1 - len(`{"a":"","b":1}`))}, map[string]any{"b": 1}, []string{"a"}},
		{"what fits behind what does not", map[string]any{"a": 1}, map[string]any{"b": long(all), "c": 1}, []string{"a", "c"}},
	} {
		got := JoinFields(row.ours, row.theirs)
		if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, row.want) {
			t.Errorf("%s: got keys %v, want %v", row.name, keys, row.want)
		}
		if size := FieldsSize(got); size > all {
			t.Errorf("%s: got %d bytes, want at most %d", row.name, size, all)
		}
		if a, ok := row.ours["a"]; ok && !reflect.DeepEqual(got["a"], a) {
			t.Errorf("%s: got another value of ours", row.name)
		}
	}
}
