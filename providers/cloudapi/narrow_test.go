package cloudapi

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// TestNarrow checks that a body narrowed to some items has those items and everything
// around them, byte by byte.
func TestNarrow(t *testing.T) {
	t.Parallel()
	const (
		head = `{"object":"whatsapp_business_account", "new" : 1.50,"entry":[`
		one  = `{"from":"1","id":"m1","type":"text","text":{"body":"1 \/ \u00e1"}}`
		two  = `{"from":"2","id":"m2","type":"text","text":{"body":"2"}}`
	)
	in := head + `{"id":"310","time":1790000000,"odd":{"a":1},"changes":[` +
		`{"x":1,"value":{` + meta + `,"contacts":[{"wa_id":"1"},{"wa_id":"2"}],"messages":[` + one + `, ` + two + `]},"field":"messages"},` +
		`{"field":"account_update","value":{"event":"X"}}]},7,` +
		`{"id":"310","changes":[{"field":"messages","value":{` + meta + `,"statuses":[{"id":"s1","status":"sent"}]}}]}]}`
	around := func(entries ...string) string {
		return `{"object":"whatsapp_business_account","new":1.50,"entry":[` + strings.Join(entries, ",") + `]}`
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
		t.Errorf("not an object: got %v, want ErrBody", err)
	}
}

// TestNarrowKeepsDialect checks that the items of a dialect's body are found as Decode finds
// them, and stay as they came.
func TestNarrowKeepsDialect(t *testing.T) {
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

// TestComplete checks that a body is complete only if its items are all that it says about anybody.
func TestComplete(t *testing.T) {
	t.Parallel()
	const (
		who  = `{"wa_id":"1"}`
		item = `{"from":"1","id":"m1","type":"text"}`
	)
	value := func(rest string) string {
		return `{` + meta + `,"contacts":[` + who + `],"messages":[` + item + `]` + rest + `}`
	}
	for name, test := range map[string]struct {
		in   string
		want bool
	}{
		"one message":                       {body("messages", value(``)), true},
		"two messages of one contact":       {body("messages", `{`+meta+`,"contacts":[`+who+`],"messages":[`+item+`,`+item+`],"statuses":[]}`), true},
		"a system notice":                   {body("messages", `{`+meta+`,"contacts":[`+who+`],"messages":[{"from":"1","id":"m","type":"system","system":{"type":"user_changed_number","wa_id":"2"}}]}`), true},
		"no contacts":                       {body("messages", `{`+meta+`,"messages":[`+item+`]}`), true},
		"a member that is no list":          {body("messages", value(`,"new":{"a":[1]}`)), true},
		"a notice with a list":              {body("account_update", `{"violations":[{"a":1},{"b":2}]}`), true},
		"an unknown field":                  {body("invented", `[1,2]`), true},
		"a known field without known lists": {body("messages", `{"invented":[1,2]}`), true},
		"an item that was skipped":          {body("messages", `{`+meta+`,"messages":[`+item+`,7]}`), false},
		"an unknown list":                   {body("messages", value(`,"invented":[{"from":"2"}]`)), false},
		"a list of another field":           {body("messages", value(`,"calls":[{"from":"2"}]`)), false},
		"a list given twice":                {body("messages", value(`,"messages":[`+item+`]`)), false},
		"a list given again as an object":   {body("messages", value(`,"statuses":[{"id":"s"}],"statuses":{}`)), false},
		"a contact without an item":         {body("messages", `{`+meta+`,"contacts":[`+who+`,{"wa_id":"2"}],"messages":[`+item+`]}`), false},
		"a contact that is none":            {body("messages", `{`+meta+`,"contacts":[`+who+`,7],"messages":[`+item+`]}`), false},
		"a list beside the changes":         {strings.Replace(body("messages", value(``)), `"changes"`, `"standby":[1],"changes"`, 1), false},
		"a list in a change":                {strings.Replace(body("messages", value(``)), `"field"`, `"x":[1],"field"`, 1), false},
		"a list beside the entries":         {strings.Replace(body("messages", value(``)), `"entry"`, `"x":[1],"entry"`, 1), false},
		"entries given twice":               {strings.Replace(body("messages", value(``)), `"entry"`, `"entry":[7],"entry"`, 1), false},
		"changes given twice":               {strings.Replace(body("messages", value(``)), `"changes"`, `"changes":[7],"changes"`, 1), false},
		"a value given twice":               {strings.Replace(body("messages", value(``)), `"value"`, `"value":{"messages":[]},"value"`, 1), false},
		"history of one":                    {body("history", `{"history":[{"metadata":{},"threads":[{"id":"1","messages":[{"id":"h"}]}]}]}`), true},
		"history refused":                   {body("history", `{"history":[{"errors":[{"code":1}]}]}`), true},
		"a list beside the threads":         {body("history", `{"history":[{"x":[1],"threads":[{"id":"1","messages":[{"id":"h"}]}]}]}`), false},
		"a list in a thread":                {body("history", `{"history":[{"threads":[{"id":"1","x":[1],"messages":[{"id":"h"}]}]}]}`), false},
		"no entry in the list":              {`{"entry":[]}`, true},
		"no entries":                        {`{"object":"x"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, err := NewNarrower([]byte(test.in), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := n.Complete(); got != test.want {
				t.Errorf("got %v, want %v for %s", got, test.want, test.in)
			}
		})
	}
}

// TestNarrowedSizeIsBounded checks that a huge member is not repeated for every item.
func TestNarrowedSizeIsBounded(t *testing.T) {
	t.Parallel()
	big := `"big":"` + strings.Repeat("x", 1<<20) + `"`
	in := `{` + big + `,"entry":[{` + big + `,"changes":[{` + big + `,"field":"messages","value":{"messages":[{"from":"1","id":"m"}]}}]}]}`
	n, err := NewNarrower([]byte(in), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := n.Narrow([]int{0}); len(got) > 1000 || !json.Valid(got) {
		t.Errorf("got %d bytes, want the huge members left out", len(got))
	}
}
