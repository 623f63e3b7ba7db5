package followup

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestJoinFieldsWithinBounds checks that the joined fields fit into MaxFieldsBytes, that no field
// that fits is left out, and that our value wins over theirs.
func TestJoinFieldsWithinBounds(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("x", n) }
	const all = MaxFieldsBytes
	for _, row := range []struct {
		name         string
		ours, theirs map[string]any
		want         []string
	}{
		{"both empty", nil, nil, nil},
		{"exactly the maximum", nil, map[string]any{"a": long(all - len(`{"a":""}`))}, []string{"a"}},
		{"one byte more", nil, map[string]any{"a": long(all + 1 - len(`{"a":""}`))}, nil},
		{"exactly the maximum with ours", map[string]any{"a": long(all - len(`{"a":"","b":1}`))}, map[string]any{"a": 2, "b": 1}, []string{"a", "b"}},
		{"one byte more with ours", map[string]any{"a": long(all + 1 - len(`{"a":"","b":1}`))}, map[string]any{"b": 1}, []string{"a"}},
		{"a field that fits after one that does not", map[string]any{"a": 1}, map[string]any{"b": long(all), "c": 1}, []string{"a", "c"}},
	} {
		got := JoinFields(row.ours, row.theirs)
		if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, row.want) {
			t.Errorf("%s: got keys %v, want %v", row.name, keys, row.want)
		}
		if size := FieldsSize(got); size > all {
			t.Errorf("%s: got %d bytes, want at most %d", row.name, size, all)
		}
		if a, ok := row.ours["a"]; ok && !reflect.DeepEqual(got["a"], a) {
			t.Errorf("%s: got another value for a, want ours", row.name)
		}
	}
}
