package cloudapi

import (
	"runtime"
	"strings"
	"testing"
)

// A long member that stands once in a body, and is part of each item's id, is not read again for
// each item: memory grows with the body only.
func TestDecodeAllocationsAreLinear(t *testing.T) { // not parallel: it counts the allocations of all goroutines
	const items, times = 1000, 32
	long := strings.Repeat("7", 1<<20)
	list := strings.TrimSuffix(strings.Repeat(`{},`, items), ",")
	errors := `{"field":"messages","value":{"errors":[` + list + `]}}`
	notices := strings.TrimSuffix(strings.Repeat(`{"field":"x","value":{}},`, items), ",")
	entries := strings.TrimSuffix(strings.Repeat(`{"changes":[{"field":"x","value":{}}]},`, items), ",")
	old := strings.TrimSuffix(strings.Repeat(`{"id":"h"},`, items), ",")
	for name, body := range map[string]string{
		"an account with errors":   `{"entry":[{"id":"` + long + `","changes":[` + errors + `]}]}`,
		"an account with changes":  `{"entry":[{"id":"` + long + `","changes":[` + notices + `]}]}`,
		"the dialect's account":    `{"gs_app_id":"` + long + `","entry":[` + entries + `]}`,
		"a thread of old messages": `{"entry":[{"id":"1","changes":[{"field":"history","value":{"history":[{"threads":[{"id":"` + long + `","messages":[` + old + `]}]}]}}]}]}`,
		"a user's thread":          `{"entry":[{"id":"1","changes":[{"field":"history","value":{"history":[{"threads":[{"id":"1.` + long + `","messages":[` + old + `]}]}]}}]}]}`,
		"a time with errors":       `{"entry":[{"id":"1","time":` + long + `,"changes":[` + errors + `]}]}`,
		"a time with changes":      `{"entry":[{"id":"1","time":"` + long + `","changes":[` + notices + `]}]}`,
		"a number id as text":      `{"entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"` + long + `"},"errors":[` + list + `]}}]}]}`,
		"a number id as a number":  `{"entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":` + long + `},"errors":[` + list + `]}}]}]}`,
	} {
		for _, o := range []Options{{}, dialect} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			batch, err := Decode([]byte(body), o)
			runtime.ReadMemStats(&after)
			if err != nil || len(batch.Events) != items {
				t.Fatalf("%s: got %d events, %v, want %d", name, len(batch.Events), err, items)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > uint64(times*len(body)) {
				t.Errorf("%s: got %d bytes allocated for a body of %d, want %d times that at most", name, got, len(body), times)
			}
		}
	}
}

// TestReadAllocationsAreLinear checks that reading a body takes memory in proportion to it,
// however many values it has.
func TestReadAllocationsAreLinear(t *testing.T) { // not parallel: it counts the allocations of all goroutines
	const size, times = 1 << 20, 7
	for name, part := range hostile {
		body := []byte(`{"x":[` + strings.Repeat(part+",", size/(len(part)+1)) + `1],"entry":[]}`)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		batch, err := Decode(body, Options{})
		runtime.ReadMemStats(&after)
		if err != nil || len(batch.Events) != 0 {
			t.Fatalf("%s: got %d events, %v, want none", name, len(batch.Events), err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(times*len(body)) {
			t.Errorf("%s: got %d bytes allocated for a body of %d, want %d times that at most", name, got, len(body), times)
		}
	}
}

// hostile are short values of which a body can have very many.
var hostile = map[string]string{
	"digits":  `1`,
	"objects": `{}`,
	"lists":   strings.Repeat("[", deepest/2) + strings.Repeat("]", deepest/2),
	"members": `{"":0,"":0,"":0}`,
	"strings": `""`,
	"commas":  `",,,,,,,,:::::[[[[{{{{,,,,,,,,,,,,,,,"`,
	"escapes": `"\\\\\"\""`,
}

// Accounts and numbers that are longer than any real one still give different ids.
func TestLongNamesDiffer(t *testing.T) {
	t.Parallel()
	of := func(account, number string) string {
		b, err := Decode([]byte(`{"entry":[{"id":"`+account+`","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"`+
			number+`"},"errors":[{}]}}]}]}`), Options{})
		if err != nil || len(b.Events) != 1 {
			t.Fatalf("got %+v, %v, want one event", b, err)
		}
		return b.Events[0].ID
	}
	long := strings.Repeat("7", 2*maxLean)
	seen := map[string]bool{}
	for _, id := range []string{of("1", "2"), of(long+"1", "2"), of(long+"2", "2"), of("1", long+"1"), of("1", long+"2")} {
		if seen[id] {
			t.Errorf("got %s twice, want ids that differ", id)
		}
		seen[id] = true
	}
}

// TestOverlongIdentityIsDropped checks that a text too long to be a phone or user id names nobody,
// and that a name is cut. The item is passed on as it came.
func TestOverlongIdentityIsDropped(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("7", MaxIdentity+1)
	for name, value := range map[string]string{
		"a sender":         `{"messages":[{"id":"m","type":"text","from":"` + long + `","from_user_id":"` + long + `"}]}`,
		"a contact":        `{"contacts":[{"wa_id":"` + long + `","user_id":"` + long + `","profile":{"name":"` + long + long + long + `"}}],"messages":[{"id":"m","type":"text"}]}`,
		"a recipient":      `{"statuses":[{"id":"m","status":"read","recipient_id":"` + long + `"}]}`,
		"a changed number": `{"messages":[{"id":"m","type":"system","from":"` + long + `","system":{"wa_id":"` + long + `","previous_user_id":"` + long + `"}}]}`,
	} {
		b, err := Decode([]byte(body("messages", value)), Options{})
		if err != nil || len(b.Events) != 1 {
			t.Fatalf("%s: got %+v, %v, want one event", name, b, err)
		}
		e := b.Events[0]
		if e.Contact.Phone+e.Contact.UserID+e.Previous.Phone+e.Previous.UserID != "" || len(e.Contact.Name) > maxName {
			t.Errorf("%s: got %+v and %+v, want no identity and a short name", name, e.Contact, e.Previous)
		}
		if !strings.Contains(string(e.Value), long) {
			t.Errorf("%s: got %s, want the item unchanged", name, e.Value)
		}
	}
}
