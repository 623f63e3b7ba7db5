package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"wagate/providers/cloudapi"
	"wagate/providers/providertest"
)

// TestI14HardToRead: input that strains a JSON reader is refused with its whole body if it is not
// JSON. Otherwise it is an item like any other: its neighbours are relayed, it does not hold up
// what follows, and what is relayed of it is JSON.
func TestI14HardToRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	nested := func(depth int) string {
		return strings.Repeat(`{"a":[`, depth/2) + `1` + strings.Repeat(`]}`, depth/2)
	}
	for i, c := range []struct {
		name, odd string // the members of a message
		status    int
	}{
		{"deep", `"id":"wamid.%s","type":"text","text":{"body":"odd"},"deep":` + nested(900), 200},
		{"deeper than the scripts' JSON limit", `"id":"wamid.%s","type":"text","text":{"body":"odd"},"deep":` + nested(4000), 200},
		{"deeper than the JSON limit", `"id":"wamid.%s","type":"text","text":{"body":"odd"},"deep":` + nested(20_000), 400},
		{"deep where a text should be", `"id":"wamid.%s","type":"text","text":{"body":` + nested(4000) + `}`, 200},
		{"huge number for a time", `"id":"wamid.%s","timestamp":1e400,"type":"text","text":{"body":"odd"}`, 200},
		{"negative time", `"id":"wamid.%s","timestamp":-9223372036854775809,"type":"text","text":{"body":"odd"}`, 200},
		{"number of many digits", `"id":"wamid.%s","timestamp":` + strings.Repeat("9", 100_000) + `,"type":"text","text":{"body":"odd"}`, 200},
		{"huge number for an id", `"id":123456789012345678901234567890,"x":"%s","type":"text","text":{"body":"odd"}`, 200},
		{"hexadecimal number", `"id":"wamid.%s","timestamp":0x10,"type":"text","text":{"body":"odd"}`, 400},
		{"NaN", `"id":"wamid.%s","timestamp":NaN,"type":"text","text":{"body":"odd"}`, 400},
		{"keys twice", `"id":"wamid.first","id":"wamid.%s","type":"image","type":"text","text":{"body":"no"},"text":{"body":"odd","body":"odd"}`, 200},
		{"key escaped", `"\u0069d":"wamid.%s","type":"text","te\u0078t":{"body":"odd"}`, 200},
		{"invalid UTF-8", `"id":"wamid.%s","type":"text","text":{"body":"odd` + "\xff\xfe\xc0\xaf" + `"}`, 200},
		{"invalid UTF-8 in a key", `"id":"wamid.%s","type":"text","text":{"body":"odd"},"` + "\xff" + `":1`, 200},
		{"half a surrogate pair", `"id":"wamid.%s","type":"text","text":{"body":"odd\ud83d"}`, 200},
		{"NUL", `"id":"wamid.%s","type":"text","text":{"body":"odd\u0000"}`, 200},
		{"unescaped NUL", `"id":"wamid.%s","type":"text","text":{"body":"odd` + "\x00" + `"}`, 400},
		{"very many members", `"id":"wamid.%s","type":"text","text":{"body":"odd"},` + strings.Repeat(`"a":1,`, 20_000) + `"b":2`, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			phone := fmt.Sprintf("346014005%02d", i)
			good := func(n int) string {
				return fmt.Sprintf(`{"from":"%s","id":"wamid.GOOD%d.%d","timestamp":"1790000000","type":"text","text":{"body":"good %d"}}`, phone, i, n, n)
			}
			odd := `{"from":"` + phone + `",` + strings.Replace(c.odd, "%s", fmt.Sprint("ODD", i), 1) + `}`
			body := `{"object":"whatsapp_business_account","entry":[{"id":"` + waba + `","changes":[{"field":"messages","value":{` +
				`"messaging_product":"whatsapp","metadata":{"phone_number_id":"` + numberAcme + `"},"messages":[` +
				good(1) + "," + odd + "," + good(2) + `]}}]}]}`
			a := p.postMeta([]byte(body))
			if a.status != c.status {
				t.Fatalf("got %d %s, want %d", a.status, a.body, c.status)
			}
			want := []string{"good 1", "good 2", "after"}
			if c.status != http.StatusOK {
				want = want[2:]
			}
			p.postMeta(w.body(providertest.GraphText(user(phone), "after"))).want(200)
			until(t, func() error {
				got := slices.DeleteFunc(w.sales.texts(phone), func(s string) bool { return s != "after" && !strings.HasPrefix(s, "good") })
				if !slices.Equal(got, want) {
					return mismatch("messages", got, want)
				}
				return nil
			})
			relayed := slices.ContainsFunc(w.sales.events(), func(e event) bool {
				return strings.Contains(string(e.Value), fmt.Sprintf(`ODD%d"`, i))
			})
			if relayed != (c.status == http.StatusOK) {
				t.Errorf("got the odd item relayed %v, want it relayed with 200 only", relayed)
			}
		})
	}
}

// TestI14HardToReadByGupshup: the same for Gupshup's callbacks, which have a single item in version
// 2. A body that is not JSON is refused. Whatever else is odd in it does not hold up what follows.
func TestI14HardToReadByGupshup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	nested := func(depth int) string {
		return strings.Repeat(`{"a":[`, depth/2) + `1` + strings.Repeat(`]}`, depth/2)
	}
	for i, c := range []struct {
		name, top, payload string // further members of the callback and of its payload
		text               string // the text of the message
		status             int
		relayed            bool
	}{
		{"deep", "", `,"deep":` + nested(4000), `"odd"`, 200, true},
		{"deep beside the payload", `,"deep":` + nested(4000), "", `"odd"`, 200, true},
		{"deeper than the JSON limit", "", `,"deep":` + nested(20_000), `"odd"`, 400, false},
		{"deep where a text should be", "", "", nested(4000), 200, true},
		{"huge numbers", `,"timestamp":1e400,"version":1e400`, `,"urlExpiry":1e400`, `1e400`, 200, true},
		{"number of many digits", `,"timestamp":` + strings.Repeat("9", 100_000), "", `"odd"`, 200, true},
		{"hexadecimal number", `,"timestamp":0x10`, "", `"odd"`, 400, false},
		{"NaN", `,"timestamp":NaN`, "", `"odd"`, 400, false},
		{"keys twice", `,"type":"x","type":"message"`, `,"type":"image","type":"text"`, `"odd"`, 200, true},
		{"keys in another case", `,"TIMESTAMP":1`, `,"TYPE":"text"`, `"odd"`, 200, true},
		{"invalid UTF-8", "", "", "\"odd\xff\xfe\xc0\xaf\"", 200, true},
		{"invalid UTF-8 in a key", "", ",\"\xff\":1", `"odd"`, 200, true},
		{"half a surrogate pair", "", "", `"odd\ud83d"`, 200, true},
		{"NUL", "", "", `"odd\u0000"`, 200, true},
		{"unescaped NUL", "", "", "\"odd\x00\"", 400, false},
		{"a list for a payload", `,"payload":[1]`, "", `"odd"`, 200, false},
		{"a number for a type", `,"type":7`, "", `"odd"`, 200, true}, // an unknown type is relayed whole
		{"an empty entry", `,"entry":[]`, "", `"odd"`, 200, false},   // makes it version 3
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			phone, id := fmt.Sprintf("346014007%02d", i), fmt.Sprint("wamid.GSODD", i)
			body := `{"app":"` + gsName + `","version":2,"type":"message","payload":{"id":"` + id + `","source":"` + phone +
				`","type":"text","payload":{"text":` + c.text + `},"sender":{"phone":"` + phone + `"}` + c.payload + `}` + c.top + `}`
			a := p.call(http.MethodPost, p.public+"/webhooks/gupshup/"+onGupshup, map[string]string{"X-Callback-Token": gsToken}, []byte(body))
			if a.status != c.status {
				t.Fatalf("got %d %s, want %d", a.status, a.body, c.status)
			}
			w.saysGupshup(phone, "after")
			relayed := func() bool {
				return slices.ContainsFunc(w.sales.events(), func(e event) bool { return strings.Contains(string(e.Value), id+`"`) })
			}
			until(t, func() error {
				if got := w.sales.texts(phone); !slices.Contains(got, "after") || c.relayed && !relayed() {
					return mismatch("messages", got, "the odd one and the one behind it")
				}
				return nil
			})
			if relayed() != c.relayed {
				t.Error("got the odd callback relayed, want it left out")
			}
		})
	}
}

// TestI14TinyItemsTakeNoMemory: anybody with a token can send a large body of the shortest possible
// items, with as much around them as each may have. The items beyond the limit are counted as
// dropped, the memory stays bounded, and ordinary webhooks get through.
func TestI14TinyItemsTakeNoMemory(t *testing.T) {
	t.Parallel()
	const size = 4<<20 - 1000
	w := newWorld(t, setup{})
	p := w.start()
	w.saysGupshup("34601400800", "before")
	before := p.metric("go_memstats_heap_sys_bytes")
	head := `{"gs_app_id":"` + gsApp + `","entry":[{"changes":[{"field":"messages","value":{"metadata":{"x":"` + strings.Repeat("x", 15<<10) + `"},"messages":[`
	const item, tail = `{"id":"a"}`, `]}}]}]}`
	n := (size - len(head) - len(tail)) / (len(item) + 1)
	body := []byte(head + strings.Repeat(item+",", n-1) + item + tail)
	a := p.call(http.MethodPost, p.public+"/webhooks/gupshup/"+onGupshup, map[string]string{"X-Callback-Token": gsToken}, body)
	if a.status != http.StatusOK && a.status != http.StatusServiceUnavailable { // 503: a slow machine ran out of time
		t.Errorf("got %d %s, want 200 or 503", a.status, a.body)
	}
	const dropped = `wagate_events_dropped_total{provider="gupshup",reason="undecodable"}`
	if got, want := p.metric(dropped), float64(n-cloudapi.MaxItems); got != want {
		t.Errorf("%s: got %v, want %v", dropped, got, want)
	}
	if got := p.metric("go_memstats_heap_sys_bytes") - before; got > 200<<20 {
		t.Errorf("heap grew by %.0f bytes, want at most 200 MB", got)
	} else {
		t.Logf("heap grew by %.0f bytes", got)
	}
	w.saysGupshup("34601400800", "and after")
	until(t, func() error {
		if got := fmt.Sprint(w.sales.texts("34601400800")); got != "[before and after]" {
			return mismatch("messages", got, "[before and after]")
		}
		return nil
	})
}

// TestI14LargestBodies: a body of 3 MB with a thousand updates, Meta's largest, is accepted whole.
// A body beyond our limit is refused, from either provider.
func TestI14LargestBodies(t *testing.T) {
	t.Parallel()
	const updates, leads, size = 1000, 50, 3_000_000
	w := newWorld(t, setup{})
	p := w.start()
	phone := func(i int) string { return fmt.Sprint("346014009", 10+i%leads) }
	var items []string
	for i := range updates {
		items = append(items, fmt.Sprintf(`{"from":%q,"id":"wamid.LARGE%d","timestamp":"1790000000","type":"text","text":{"body":"%03d %s"}}`,
			phone(i), i, i, strings.Repeat("a", size/updates-130)))
	}
	const bad = 500
	items[bad] = `{"type":7}` // must not affect the others
	body := []byte(`{"object":"whatsapp_business_account","entry":[{"id":"` + waba + `","changes":[{"field":"messages","value":{` +
		`"messaging_product":"whatsapp","metadata":{"phone_number_id":"` + numberAcme + `"},"messages":[` + strings.Join(items, ",") + `]}}]}]}`)
	if len(body) < size*9/10 || len(body) > 3<<20 {
		t.Fatalf("got a body of %d bytes, want about 3 MB", len(body))
	}
	p.postMeta(body).want(200)
	p.postMeta(body).want(200) // Meta's retry
	for i := range leads {
		var want []string
		for j := i; j < updates; j += leads {
			if j != bad {
				want = append(want, fmt.Sprintf("%03d", j))
			}
		}
		until(t, func() error {
			var got []string
			for _, s := range w.sales.texts(phone(i)) {
				got = append(got, s[:3])
			}
			if !slices.Equal(got, want) {
				return mismatch("messages", got, want)
			}
			return nil
		})
	}
	large := append(body, bytes.Repeat([]byte(" "), 4<<20+1-len(body))...)
	p.postMeta(large).want(http.StatusRequestEntityTooLarge)
	p.postMeta(large[:4<<20]).want(200)
	p.call(http.MethodPost, p.public+"/webhooks/gupshup/"+onGupshup, map[string]string{"X-Callback-Token": gsToken}, large).
		want(http.StatusRequestEntityTooLarge)
}

// TestI10TwoTenantsInOneBody: if an app's webhook is about two tenants' numbers, each tenant gets
// its own items and none of the other's.
func TestI10TwoTenantsInOneBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{file: func(file map[string]any) {
		tenants, _ := file["tenants"].([]any)
		second, _ := tenants[1].(object)
		channels, _ := second["channels"].([]any)
		channel, _ := channels[0].(object)
		channel["app"] = "main"
	}})
	p := w.start()
	const phone = "34601000400"
	var in []providertest.GraphInbound
	for i, number := range []string{numberAcme, numberBeta, numberAcme, numberBeta} {
		m := providertest.GraphText(user(phone), fmt.Sprint("message ", i))
		m.Number = number
		in = append(in, m)
	}
	p.postMeta(w.body(in...)).want(200)
	until(t, func() error {
		got := fmt.Sprint(w.sales.texts(phone), w.support.texts(phone))
		if want := "[message 0 message 2] [message 1 message 3]"; got != want {
			return mismatch("messages", got, want)
		}
		return nil
	})
	for _, key := range []string{acmeKey, betaKey} {
		l := decode[page[lead]](p.get(p.public+"/backend/leads?search="+phone, key).want(200))
		if l.Pagination.Total != 1 {
			t.Errorf("got %d leads with one key, want 1", l.Pagination.Total)
		}
	}
}

// TestI14CompressedIsRefused: a compressed body is refused, also with a valid signature of the
// compressed or of the plain bytes.
func TestI14CompressedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	const phone = "34601400600"
	plain := w.body(providertest.GraphText(user(phone), "compressed"))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(plain); err != nil || z.Close() != nil {
		t.Fatal("could not compress the body")
	}
	for _, signed := range [][]byte{packed.Bytes(), plain} {
		p.call(http.MethodPost, p.public+"/webhooks/meta/main", map[string]string{
			"X-Hub-Signature-256": providertest.Sign(appSecret, signed), "Content-Encoding": "gzip",
		}, packed.Bytes()).want(http.StatusUnsupportedMediaType)
	}
	// Another Content-Type is accepted, and so is Identity as a Content-Encoding, whatever its
	// case.
	p.call(http.MethodPost, p.public+"/webhooks/meta/main", map[string]string{
		"X-Hub-Signature-256": providertest.Sign(appSecret, plain), "Content-Encoding": "Identity", "Content-Type": "text/plain",
	}, plain).want(200)
	until(t, func() error {
		if got := w.sales.texts(phone); !slices.Equal(got, []string{"compressed"}) {
			return mismatch("messages", got, "one")
		}
		return nil
	})
}
