package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"wagate/providers/providertest"
)

// TestI14HardToRead: what strains a reader of JSON is refused as a whole if it
// is none, else it is an item like others: its neighbours get through, it never
// stands in the way of what follows, and what is relayed of it is JSON.
func TestI14HardToRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	nested := func(depth int) string {
		return strings.Repeat(`{"a":[`, depth/2) + `1` + strings.Repeat(`]}`, depth/2)
	}
	for i, c := range []struct {
		name, odd string // members of a message
		status    int
	}{
		{"deep", `"id":"wamid.%s","type":"text","text":{"body":"odd"},"deep":` + nested(900), 200},
		{"deeper than scripts read", `"id":"wamid.%s","type":"text","text":{"body":"odd"},"deep":` + nested(4000), 200},
		{"deeper than anybody reads", `"id":"wamid.%s","type":"text","text":{"body":"odd"},"deep":` + nested(20_000), 400},
		{"deep where a text should be", `"id":"wamid.%s","type":"text","text":{"body":` + nested(4000) + `}`, 200},
		{"huge number for a time", `"id":"wamid.%s","timestamp":1e400,"type":"text","text":{"body":"odd"}`, 200},
		{"negative time", `"id":"wamid.%s","timestamp":-9223372036854775809,"type":"text","text":{"body":"odd"}`, 200},
		{"number of many digits", `"id":"wamid.%s","timestamp":` + strings.Repeat("9", 100_000) + `,"type":"text","text":{"body":"odd"}`, 200},
		{"huge number for an id", `"id":123456789012345678901234567890,"x":"%s","type":"text","text":{"body":"odd"}`, 200},
		{"no number", `"id":"wamid.%s","timestamp":0x10,"type":"text","text":{"body":"odd"}`, 400},
		{"not a number", `"id":"wamid.%s","timestamp":NaN,"type":"text","text":{"body":"odd"}`, 400},
		{"keys twice", `"id":"wamid.first","id":"wamid.%s","type":"image","type":"text","text":{"body":"no"},"text":{"body":"odd","body":"odd"}`, 200},
		{"key escaped", `"\u0069d":"wamid.%s","type":"text","te\u0078t":{"body":"odd"}`, 200},
		{"invalid UTF-8", `"id":"wamid.%s","type":"text","text":{"body":"odd` + "\xff\xfe\xc0\xaf" + `"}`, 200},
		{"invalid UTF-8 in a key", `"id":"wamid.%s","type":"text","text":{"body":"odd"},"` + "\xff" + `":1`, 200},
		{"half a surrogate pair", `"id":"wamid.%s","type":"text","text":{"body":"odd\ud83d"}`, 200},
		{"NUL", `"id":"wamid.%s","type":"text","text":{"body":"odd\u0000"}`, 200},
		{"NUL as it is", `"id":"wamid.%s","type":"text","text":{"body":"odd` + "\x00" + `"}`, 400},
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
				t.Errorf("got the odd one relayed %v, want it with 200 only", relayed)
			}
		})
	}
}

// TestI10TwoTenantsInOneBody: what one app says about two tenants' numbers goes
// to each of them his own, and to neither the other's.
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

// TestI14CompressedIsRefused: also with a valid signature, of whichever bytes.
func TestI14CompressedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	const phone = "34601400600"
	plain := w.body(providertest.GraphText(user(phone), "compressed"))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(plain); err != nil || z.Close() != nil {
		t.Fatal("cannot compress")
	}
	for _, signed := range [][]byte{packed.Bytes(), plain} {
		p.call(http.MethodPost, p.public+"/webhooks/meta/main", map[string]string{
			"X-Hub-Signature-256": providertest.Sign(appSecret, signed), "Content-Encoding": "gzip",
		}, packed.Bytes()).want(http.StatusUnsupportedMediaType)
	}
	// What calls itself something else than JSON, or uncompressed by another name, is signed all the same.
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
