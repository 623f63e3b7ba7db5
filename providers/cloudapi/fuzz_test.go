package cloudapi

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"wagate/providers"
)

// FuzzDecode checks that no body panics or is changed, that decoding is repeatable, and that every
// event is one that the rest of wagate can rely on.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(body("messages", `{`+meta+`,"contacts":[{"wa_id":"1"}],"messages":[{"from":"1","id":"m","type":"edit","edit":{"message":{"type":"text","text":{"body":"\ud83d"}}}},{"id":"r","from":"2","type":"reaction","reaction":{"message_id":"x","emoji":""}}],"statuses":[{"id":"s","status":"failed","errors":[{"code":1e99}]}],"errors":[{}]}`)))
	f.Add([]byte(body("calls", `{`+meta+`,"calls":[{"id":"c","event":"connect"}],"statuses":[{"id":"c","status":"ACCEPTED"}]}`)))
	f.Add([]byte(body("history", `{"history":[{"threads":[{"id":"1.2","messages":[{"id":"h"}]}]},{}],"messages":[{"id":"q"}]}`)))
	f.Add([]byte(body("smb_message_echoes", `{"message_echoes":[{"id":"e","to":"1"}]}`)))
	f.Add([]byte(body("user_preferences", `{"user_preferences":[{"user_id":"A.b","value":"stop","timestamp":1e12}]}`)))
	f.Add([]byte(body("message_template_status_update", `{"event":"x","message_template_name":"n"}`)))
	f.Add([]byte(`{"entry":[{"changes":[{"field":"x\u0000","value":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}]}]}`))
	f.Add([]byte(`{"entry":[{"time":1,"time":{"x":[]},"n\u0065w":null,"changes":[{"field":"account_update","value":{}}]}]}`))
	f.Add([]byte("{\"entry\":[{\"id\":1e5,\"changes\":[{\"field\":\"\xff\",\"value\":\"\xfe\\\"\"}]}]}"))
	f.Add([]byte(`{"entry":[{"changes":[{"value":{"messages":[{"id":"a"}],"messages":{}},"field":"messages","field":"\u006d"}]}],"entry":[]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		kept := slices.Clone(in)
		for _, o := range []Options{{}, dialect} {
			b, err := Decode(in, o)
			if (err == nil) != (json.Valid(in) && !TooDeep(in) && read(in).opens('{')) {
				t.Fatalf("got %v for %q", err, in)
			}
			again, _ := Decode(in, o)
			if asJSON(t, b) != asJSON(t, again) {
				t.Fatal("got two results for one body, want the same")
			}
			for _, e := range b.Events {
				check(t, e)
			}
			if err == nil {
				checkNarrows(t, in, o, b)
			}
		}
		if !slices.Equal(in, kept) {
			t.Fatal("got the body changed, want it untouched")
		}
	})
}

// asJSON returns the whole batch as JSON.
func asJSON(t *testing.T, b Batch) string {
	t.Helper()
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkNarrows checks that the body can be narrowed to each item, which then
// decodes to the same event.
func checkNarrows(t *testing.T, in []byte, o Options, b Batch) {
	t.Helper()
	n, err := NewNarrower(in, o)
	if err != nil || n.Items() != len(b.Events) {
		t.Fatalf("got %d items to narrow to, %v, want %d", n.Items(), err, len(b.Events))
	}
	if len(in) > maxBeside {
		return // what is too large is left out
	}
	for i, e := range b.Events {
		cut := n.Narrow([]int{i})
		again, err := Decode(cut, o)
		if err != nil || len(again.Events) != 1 || again.Skipped != 0 {
			t.Fatalf("narrowed to %q: got %+v, %v, want one event", cut, again, err)
		}
		if got := again.Events[0]; got.Kind != e.Kind || got.Contact != e.Contact || got.Text != e.Text || got.Account != e.Account {
			t.Fatalf("narrowed to %q: got %+v, want %+v", cut, got, e)
		}
	}
}

// check checks what holds for every event.
func check(t *testing.T, e providers.Event) {
	t.Helper()
	if e.ID == "" || e.Field == "" || !slices.Contains(providers.Kinds, e.Kind) {
		t.Fatalf("got id %q, field %q, kind %q, want a known kind and none empty", e.ID, e.Field, e.Kind)
	}
	if !json.Valid(e.Value) || !utf8.Valid(e.Value) {
		t.Fatalf("got value %q, want valid JSON", e.Value)
	}
	if e.Entry != nil && (!json.Valid(e.Entry) || !utf8.Valid(e.Entry) || !read(e.Entry).opens('{')) {
		t.Fatalf("got entry %q, want a JSON object", e.Entry)
	}
	if (e.Kind == providers.KindStatus) != (e.Status != nil) || (e.Kind == providers.KindPreference) != (e.Preference != nil) {
		t.Fatalf("%s: got status %v, preference %v, want them by kind", e.Kind, e.Status, e.Preference)
	}
	if e.Status != nil && (e.Status.MessageID == "" || (e.Status.State == providers.StatusFailed) != (e.Status.Err != nil)) {
		t.Fatalf("got status %+v, want an id, and an error if and only if it failed", e.Status)
	}
	own := "o"
	if v := (Rewrite{StatusID: "s", Quoted: "q", Opaque: &own}).Apply(e.Value); !json.Valid(v) {
		t.Fatalf("rewritten: got %q, want valid JSON", v)
	}
	for _, s := range []string{e.ID, e.Text, e.Quoted, e.Contact.Phone, e.Contact.UserID, e.Contact.Name, e.Account} {
		if !utf8.ValidString(s) {
			t.Fatalf("got %q, want valid UTF-8", s)
		}
	}
}

// FuzzScan checks that the scanner stays within the input, valid or not.
func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"\"`), "a")
	f.Add([]byte(`{"a"`), "a")
	f.Fuzz(func(_ *testing.T, in []byte, name string) {
		v := read(in)
		v.get(name).number(name)
		v.beside(100, name)
		for e := range v.elements() {
			scalar(e.raw())
		}
		with(in, name, []byte("1"))
	})
}
