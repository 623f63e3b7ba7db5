package gupshup

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wagate/providers"
	"wagate/providers/cloudapi"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	testApp   = "NorthBikes"
	testAppID = "0a1b2c3d-aaaa-4bbb-8ccc-0123456789ab"
)

var testOptions = Options{PhoneNumberID: "7a7a7a7a-0000-4000-8000-00000000c001", DisplayPhone: "15550142288"}

// Each sample decodes to its golden file.
func TestDecodeGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/inbound/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d samples, %v, want some", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			in := decodeFile(t, file)
			if !in.From(testAppID, testApp) {
				t.Errorf("got app %q %q, want ours", in.App, in.AppID)
			}
			for _, e := range in.Events {
				checkEvent(t, e)
			}
			got := golden(t, in)
			path := filepath.Join("testdata", "golden", filepath.Base(file))
			if *update {
				if err := os.WriteFile(path, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// golden returns an Inbound as indented JSON.
func golden(t *testing.T, in Inbound) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(in); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// decodeFile decodes a sample and clears its memory.
func decodeFile(t *testing.T, file string) Inbound {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in, err := Decode(body, testOptions)
	if err != nil {
		t.Fatalf("decode %s: %v", file, err)
	}
	clear(body) // the events must not share the body's memory
	return in
}

// checkEvent checks what holds for every event.
func checkEvent(t *testing.T, e providers.Event) {
	t.Helper()
	if e.ID == "" || e.Kind == "" || e.Field == "" {
		t.Errorf("got id %q kind %q field %q, want none empty", e.ID, e.Kind, e.Field)
	}
	if !json.Valid(e.Value) || !isObject(e.Value) {
		t.Errorf("got value %s, want a JSON object", e.Value)
	}
	if (e.Kind == providers.KindStatus) != (e.Status != nil) {
		t.Errorf("got kind %s with status %v, want a status if and only if the kind is status", e.Kind, e.Status)
	}
	if (e.Kind == providers.KindPreference) != (e.Preference != nil) {
		t.Errorf("got kind %s with preference %v, want a preference if and only if the kind is preference", e.Kind, e.Preference)
	}
	if e.Status != nil && (e.Status.MessageID == "" || (e.Status.State == providers.StatusFailed) != (e.Status.Err != nil)) {
		t.Errorf("got status %+v, want an id, and an error if and only if it failed", e.Status)
	}
	for _, s := range []string{e.Contact.Phone, e.Contact.UserID} {
		if strings.HasPrefix(s, "+") {
			t.Errorf("got contact %q, want no plus sign", s)
		}
	}
}

// The same message or report has the same id in both versions (I2: if both are subscribed,
// everything is delivered twice).
func TestI2SameIDInBothVersions(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"v2_text", "v3_text"},
		{"v2_delivered", "v3_delivered"},
		{"v2_enqueued", "v3_enqueued_ms"},
		{"v2_failed_async", "v3_failed"},
		{"v2_preference_stop", "v3_preference"},
		{"v2_preference_stop", "v3_preference_event"},
		{"v2_billing", "v3_billing"},
	} {
		a := decodeFile(t, "testdata/inbound/"+pair[0]+".json").Events[0]
		b := decodeFile(t, "testdata/inbound/"+pair[1]+".json").Events[0]
		if a.ID != b.ID || a.Kind != b.Kind || a.Text != b.Text {
			t.Errorf("%s and %s: got %s %q and %s %q, want the same", pair[0], pair[1], a.Kind, a.ID, b.Kind, b.ID)
		}
	}
}

// Each message's price has an id of its own, and so has each change of the price.
func TestI2BillingIDs(t *testing.T) {
	t.Parallel()
	ids := map[string]string{}
	for name, payload := range map[string]string{
		"one":                       `"deductions":{"model":"PMP","category":"marketing","billable":true},"references":{"gsId":"g1","id":"w1"}`,
		"another message":           `"deductions":{"model":"PMP","category":"marketing","billable":true},"references":{"gsId":"g2","id":"w2"}`,
		"by WhatsApp's id":          `"deductions":{"model":"PMP","category":"marketing","billable":true},"references":{"id":"w3"}`,
		"another category":          `"deductions":{"model":"PMP","category":"utility","billable":true},"references":{"gsId":"g1","id":"w1"}`,
		"free":                      `"deductions":{"model":"PMP","category":"marketing","billable":false},"references":{"gsId":"g1","id":"w1"}`,
		"another model":             `"deductions":{"model":"CBP","category":"marketing","billable":true},"references":{"gsId":"g1","id":"w1"}`,
		"no message":                `"deductions":{"model":"PMP"},"n":1`,
		"no message, other content": `"deductions":{"model":"PMP"},"n":2`,
	} {
		in, err := Decode([]byte(`{"app":"A","timestamp":1790000001234,"type":"billing-event","payload":{`+payload+`}}`), testOptions)
		if err != nil || len(in.Events) != 1 {
			t.Fatalf("%s: got %+v, %v, want one event", name, in, err)
		}
		if other, ok := ids[in.Events[0].ID]; ok {
			t.Errorf("got one id for %q and %q, want two", name, other)
		}
		ids[in.Events[0].ID] = name
	}
}

// A repeated delivery has the same ids, and different notices have different ids.
func TestI2EventIDsAreStableAndDistinct(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/inbound/v2_*.json")
	if err != nil {
		t.Fatal(err)
	}
	notices := map[string]string{}
	for _, file := range files {
		first, again := decodeFile(t, file), decodeFile(t, file)
		for i, e := range first.Events {
			if again.Events[i].ID != e.ID {
				t.Errorf("%s: got %q, then %q, want one id", file, e.ID, again.Events[i].ID)
			}
			if strings.HasPrefix(e.ID, "gs:") {
				if other, ok := notices[e.ID]; ok {
					t.Errorf("got one id for %s and %s, want two", other, file)
				}
				notices[e.ID] = file
			}
		}
	}
}

// A message of v2 counts from a minute before Gupshup's time stamp, and a report has its own time.
// Only messages of the lead open the window (I3).
func TestI3TimesOfV2(t *testing.T) {
	t.Parallel()
	msg := decodeFile(t, "testdata/inbound/v2_text.json").Events[0]
	if got, want := msg.At.UnixMilli(), int64(1790000001234-60_000); got != want {
		t.Errorf("got message at %d, want %d, a minute before Gupshup's event", got, want)
	}
	report := decodeFile(t, "testdata/inbound/v2_delivered.json").Events[0]
	if got, want := report.At.Unix(), int64(1790000004); got != want {
		t.Errorf("got report at %d, want %d, its own time", got, want)
	}
	opens := map[providers.Kind]bool{
		providers.KindText: true, providers.KindImage: true, providers.KindVideo: true, providers.KindAudio: true,
		providers.KindDocument: true, providers.KindSticker: true, providers.KindLocation: true,
		providers.KindContacts: true, providers.KindInteractive: true, providers.KindButton: true,
	}
	for _, name := range []string{
		"order", "unknown_type", "reaction", "reaction_unreadable", "deleted", "delivered", "opted_in",
		"unknown_event", "system", "mismatch",
	} {
		if e := decodeFile(t, "testdata/inbound/v2_"+name+".json").Events[0]; opens[e.Kind] {
			t.Errorf("%s: got kind %s, which opens the window, want one that does not", name, e.Kind)
		}
	}
}

// A body that is not one JSON object of a known version is refused with ErrShape.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty": "", "not JSON": "hello", "cut off": `{"type":"message"`, "array": `[{"type":"message"}]`,
		"neither shape": `{"app":"NorthBikes"}`, "null": "null", "two objects": `{"type":"message"}{}`,
	} {
		if in, err := Decode([]byte(body), testOptions); !errors.Is(err, ErrShape) {
			t.Errorf("%s: got %+v, %v, want ErrShape", name, in, err)
		}
	}
}

// From tells a body about our app from one about another app, or about none (I10).
func TestI10From(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		in   Inbound
		want bool
	}{
		{"by id", Inbound{AppID: testAppID}, true},
		{"by name", Inbound{App: testApp}, true},
		{"by both", Inbound{App: testApp, AppID: testAppID}, true},
		{"neither", Inbound{}, false},
		{"another id", Inbound{AppID: "x"}, false},
		{"another name", Inbound{App: "northbikes"}, false},
		{"our name, another id", Inbound{App: testApp, AppID: "x"}, false},
		{"our id, another name", Inbound{App: "x", AppID: testAppID}, false},
	} {
		if got := c.in.From(testAppID, testApp); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// A member of the wrong type is left out, and nothing else with it (I14).
func TestI14WrongTypesLoseOnlyThemselves(t *testing.T) {
	t.Parallel()
	body := `{"app":["x"],"timestamp":{"at":1},"type":"message","payload":{"id":42,"source":15550163377,
		"type":"text","payload":{"text":"still here","urlExpiry":[]},"sender":"nobody","context":[1]}}`
	in, err := Decode([]byte(body), testOptions)
	if err != nil || len(in.Events) != 1 {
		t.Fatalf("got %+v, %v, want one event", in, err)
	}
	e := in.Events[0]
	if e.ID != "42" || e.Contact.Phone != "15550163377" || e.Text != "still here" || !e.At.IsZero() {
		t.Errorf("got %+v, want the members of the right type", e)
	}
}

// A callback of v2 has at most MaxItems events; the others are counted as skipped.
// (Version 3 is decoded by cloudapi.)
func TestI14ManyTinyItems(t *testing.T) {
	t.Parallel()
	const more = 1000
	body := `{"app":"A","type":"preference-event","payload":{"payload":{"user_preferences":[` +
		strings.Repeat(`{"wa_id":"15550163377"},`, cloudapi.MaxItems+more-1) + `{"wa_id":"15550163377"}]}}}`
	in, err := Decode([]byte(body), testOptions)
	if err != nil || len(in.Events) != cloudapi.MaxItems || in.Skipped != more {
		t.Errorf("got %d events, %d skipped, %v, want %d, %d", len(in.Events), in.Skipped, err, cloudapi.MaxItems, more)
	}
}

// A relayed report has Gupshup's id as gs_id, or no gs_id at all.
func TestRelayedReportHasNoForeignGupshupID(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ state, gsID, want string }{
		{"enqueued", "", "bare-id"},
		{"sent", "", ""},
		{"delivered", "", ""},
		{"read", "", ""},
		{"failed", "", ""},
		{"others", "", ""},
		{"delivered", "gs-7", "gs-7"},
	} {
		body := `{"app":"A","timestamp":1790000001234,"type":"message-event","payload":{"id":"bare-id","gsId":"` + c.gsID +
			`","type":"` + c.state + `","destination":"15550163377","payload":{}}}`
		in, err := Decode([]byte(body), testOptions)
		if err != nil || len(in.Events) != 1 {
			t.Fatalf("%s: got %d events, %v, want one", c.state, len(in.Events), err)
		}
		var v struct{ Statuses []map[string]any }
		if err := json.Unmarshal(in.Events[0].Value, &v); err != nil || len(v.Statuses) != 1 {
			t.Fatalf("%s: got %s, %v, want one status", c.state, in.Events[0].Value, err)
		}
		got, ok := v.Statuses[0]["gs_id"]
		if ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s with gsId %q: got gs_id %v, want %q", c.state, c.gsID, got, c.want)
		}
	}
}

// The expiry of a file's URL is relayed as the number or text that Gupshup wrote;
// anything else is left out.
func TestURLExpiryKeepsItsType(t *testing.T) {
	t.Parallel()
	for expiry, want := range map[string]any{
		"1790604801234": 1790604801234.0, `"1790604801234"`: "1790604801234", `""`: nil, "null": nil, "[1]": nil, `{"at":1}`: nil,
	} {
		body := `{"app":"A","timestamp":1790000001234,"type":"message","payload":{"id":"m1","source":"15550163377","type":"image",` +
			`"payload":{"url":"https://files.example/1","urlExpiry":` + expiry + `}}}`
		in, err := Decode([]byte(body), testOptions)
		if err != nil || len(in.Events) != 1 {
			t.Fatalf("%s: got %d events, %v, want one", expiry, len(in.Events), err)
		}
		var v struct {
			Messages []struct{ Image map[string]any }
		}
		if err := json.Unmarshal(in.Events[0].Value, &v); err != nil || len(v.Messages) != 1 {
			t.Fatalf("%s: got %s, %v, want one message", expiry, in.Events[0].Value, err)
		}
		if got := v.Messages[0].Image["url_expiry"]; got != want {
			t.Errorf("%s: got %v, want %v", expiry, got, want)
		}
	}
}

// TestNarrower checks that a v3 callback narrowed to one event decodes to that event, and
// that a v2 callback has no parts.
func TestNarrower(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/inbound/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d samples, %v, want some", len(files), err)
	}
	samples := map[string][]byte{"only Gupshup's id": []byte(`{"gs_app_id":"` + testAppID + `","entry":[{"changes":[{"field":"messages",` +
		`"value":{"statuses":[{"gs_id":"g","status":"sent","recipient_id":"15550163377"}]}}]}]}`)}
	for _, file := range files {
		if samples[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	for file, body := range samples {
		in, err := Decode(body, testOptions)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if in.Version == V3 {
			want = len(in.Events)
		}
		n, err := NewNarrower(body)
		if err != nil || n.Items() != want {
			t.Errorf("%s: got %d items, %v, want %d", file, n.Items(), err, want)
			continue
		}
		for i := range want {
			cut := n.Narrow([]int{i})
			again, err := Decode(cut, testOptions)
			if err != nil || len(again.Events) != 1 || again.Skipped != 0 {
				t.Errorf("%s, event %d: got %+v, %v from %s, want one event", file, i, again, err, cut)
				continue
			}
			got, want := again.Events[0], in.Events[i]
			if got.ID != want.ID || got.Kind != want.Kind || string(got.Value) != string(want.Value) || again.AppID != in.AppID {
				t.Errorf("%s, event %d: got %+v, want %+v", file, i, got, want)
			}
		}
	}
}

// FuzzDecode checks that no body panics and that every event is one that the
// rest of wagate can rely on.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/inbound/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := Decode(body, testOptions)
		if err != nil && (len(in.Events) > 0 || in.Skipped > 0) {
			t.Errorf("got %+v with an error, want nothing decoded", in)
		}
		if err == nil && in.Version == V2 && len(in.Events)+in.Skipped == 0 {
			t.Error("got neither event nor skipped item for a v2 callback, want one of them")
		}
		for _, e := range in.Events {
			checkEvent(t, e)
			if in.Version == V2 && e.Kind == providers.KindText && e.Contact.IsZero() {
				t.Error("got a text message without a contact, want one")
			}
		}
	})
}
