package cloudapi

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// TestNarrow: what is left are the items asked for, with all that stood around
// them, byte by byte.
func TestNarrow(t *testing.T) {
	t.Parallel()
	const (
		head = `{"object":"whatsapp_business_account", "new" : [1.50],"entry":[`
		one  = `{"from":"1","id":"m1","type":"text","text":{"body":"1 \/ \u00e1"}}`
		two  = `{"from":"2","id":"m2","type":"text","text":{"body":"2"}}`
	)
	in := head + `{"id":"310","time":1790000000,"odd":{"a":1},"changes":[` +
		`{"x":1,"value":{` + meta + `,"contacts":[{"wa_id":"1"},{"wa_id":"2"}],"messages":[` + one + `, ` + two + `]},"field":"messages"},` +
		`{"field":"account_update","value":{"event":"X"}}]},7,` +
		`{"id":"310","changes":[{"field":"messages","value":{` + meta + `,"statuses":[{"id":"s1","status":"sent"}]}}]}]}`
	around := func(entries ...string) string {
		return `{"object":"whatsapp_business_account","new":[1.50],"entry":[` + strings.Join(entries, ",") + `]}`
	}
	message := func(who, raw string) string {
		return `{"x":1,"field":"messages","value":{` + meta + `,"contacts":[{"wa_id":"` + who + `"}],"messages":[` + raw + `]}}`
	}
	const (
		first   = `{"id":"310","time":1790000000,"odd":{"a":1},"changes":[`
		account = `{"field":"account_update","value":{"event":"X"}}`
		status  = `{"id":"310","changes":[{"field":"messages","value":{` + meta + `,"statuses":[{"id":"s1","status":"sent"}]}}]}`
	)
	n, err := NewNarrower([]byte(in), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := n.Items(), len(decode(t, in, Options{}).Events); got != want {
		t.Fatalf("got %d items, want as many as Decode finds, %d", got, want)
	}
	for _, test := range []struct {
		items []int
		want  string
	}{
		{[]int{0}, around(first + message("1", one) + `]}`)},
		{[]int{1}, around(first + message("2", two) + `]}`)},
		{[]int{0, 2}, around(first + message("1", one) + `,` + account + `]}`)},
		{[]int{3}, around(status)},
		{[]int{1, 3}, around(first+message("2", two)+`]}`, status)},
		{nil, around()},
	} {
		if got := string(n.Narrow(test.items)); got != test.want {
			t.Errorf("items %v:\n got %s\nwant %s", test.items, got, test.want)
		}
	}
	if _, err := NewNarrower([]byte(`[]`), Options{}); !errors.Is(err, ErrBody) {
		t.Errorf("no object: got %v, want ErrBody", err)
	}
}

// TestNarrowIsNotShaped: a dialect's items are found as Decode finds them, and
// left as they came.
func TestNarrowIsNotShaped(t *testing.T) {
	t.Parallel()
	in := `{"gs_app_id":"A","object":"x","entry":[{"id":"1","changes":[{"field":"messages","value":{` + meta +
		`,"messages":[{"from":"1","id":"m1","timestamp":1790000001000,"type":"text","context":{"gs_id":"g","id":"w"}}]}}]}]}`
	n, err := NewNarrower([]byte(in), dialect)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(n.Narrow([]int{0})); got != in {
		t.Errorf("got  %s\nwant %s", got, in)
	}
}

// TestNarrowDoesNotMultiply: one huge member is not repeated for everybody.
func TestNarrowDoesNotMultiply(t *testing.T) {
	t.Parallel()
	big := `"big":"` + strings.Repeat("x", 1<<20) + `"`
	in := `{` + big + `,"entry":[{` + big + `,"changes":[{` + big + `,"field":"messages","value":{"messages":[{"from":"1","id":"m"}]}}]}]}`
	n, err := NewNarrower([]byte(in), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := n.Narrow([]int{0}); len(got) > 1000 || !json.Valid(got) {
		t.Errorf("got %d bytes, want what is small", len(got))
	}
}
