package e2e

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/seed_config.json
var seedConfig string

// seedFor returns the sample configuration of the public documentation, unchanged except for its
// ids.
func seedFor(channel string) string {
	return strings.NewReplacer(
		`"id": "uuid"`, `"id": "30000000-0000-4000-8000-000000000001"`,
		`"tenant_id": "uuid"`, `"tenant_id": "`+acme+`"`,
		`"assistant_id": "uuid"`, `"assistant_id": "`+sales+`"`,
		`"uuid-status-1"`, `"`+hot+`"`, `"uuid-status-2"`, `"`+warm+`"`,
		`"channel_id": "uuid"`, `"channel_id": "`+channel+`"`,
	).Replace(seedConfig)
}

// hoursASecond is the clock speed of the seed's story. Half an hour takes half a second and a day
// takes 24, of which a busy machine may lose twenty before a window closes too early.
const hoursASecond = 3600

// TestSeedLadder posts the seed's configuration verbatim and follows a lead up its ladder, at each
// provider, request by request.
func TestSeedLadder(t *testing.T) {
	t.Parallel()
	t.Run("meta", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{speed: hoursASecond})
		seedStory(t, w, w.start(), onMeta, nil)
	})
	t.Run("gupshup", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{speed: hoursASecond})
		seedStory(t, w, w.start(), onGupshup, nil)
	})
}

// seedStory plays the story on one channel. If meanwhile is not nil, it is called between the AI
// messages and the template.
func seedStory(t *testing.T, w *world, p *process, channel string, meanwhile func()) {
	t.Helper()
	p.api(http.MethodPost, "/backend/followup/configs", seedFor(channel)).want(http.StatusCreated)
	phone := "34600100200"
	if channel == onMeta {
		w.says(user(phone), "How much is the bench?")
	} else {
		w.saysGupshup(phone, "How much is the bench?")
	}
	l := p.leadOf(phone)
	trigger := time.Now()
	p.status(l.ID, hot)
	until(t, func() error {
		if n := len(said(w, channel, phone)); n < 2 {
			return mismatch("messages", n, 2)
		}
		return nil
	})
	if meanwhile != nil {
		meanwhile()
	}
	r := p.untilRun(l.ID, "ended completed 1:sent/ai 2:sent/ai 3:sent/template")

	all := said(w, channel, phone)
	if len(all) != 3 {
		t.Fatalf("messages: got %d, want 3: %+v", len(all), all)
	}
	for i, want := range []string{"text", "text", "template"} {
		if all[i].kind != want {
			t.Errorf("message %d: got a %s, want a %s", i+1, all[i].kind, want)
		}
		if got, want := all[i].id, r.Timeline[i].MessageID; got != want {
			t.Errorf("message %d: got id %q in the timeline, want the provider's %q", i+1, want, got)
		}
	}
	// The times must fit, both in the run's timeline and by the provider's clock.
	due := []time.Duration{30 * time.Minute, 2 * time.Hour, 24 * time.Hour}
	before, beforeReal := r.StartedAt, trigger
	const tolerance = 40 * time.Millisecond // wagate only estimates Redis' clock, and adjusts to it by at most a twentieth of the time
	for i, m := range r.Timeline {
		if want := before.Add(due[i]); !m.DueAt.Equal(want) {
			t.Errorf("step %d: got due at %v, want %v", i+1, m.DueAt, want)
		}
		if m.At.Before(*m.DueAt) {
			t.Errorf("step %d: got sent at %v, before it was due at %v", i+1, m.At, m.DueAt)
		}
		least := time.Duration(float64(due[i]) / w.speed)
		if took := all[i].at.Sub(beforeReal); took < least-least/20-tolerance {
			t.Errorf("step %d: got the message after %v, want at least %v", i+1, took, least)
		}
		// The next wait counts from the end of this step, which is after its request.
		before, beforeReal = *m.At, all[i].at
	}
	seedRequests(t, w, channel, all)

	var told []string
	until(t, func() error {
		told = nil
		for _, h := range w.sales.happenings(l.ID) {
			told = append(told, strings.TrimSpace(fmt.Sprintln(h.Step, h.Event, h.Outcome, h.Reason)))
		}
		if len(told) < 7 {
			return mismatch("happenings", told, 7)
		}
		return nil
	})
	want := "1 scheduled,1 sent sent ai,2 scheduled,2 sent sent ai,3 scheduled,3 sent sent template,3 completed"
	if got := strings.Join(told, ","); got != want {
		t.Errorf("happenings: got %q, want %q", got, want)
	}
}

// message is one message as a provider accepted it.
type message struct {
	kind, text, id string
	raw            []byte // as the provider received it
	at             time.Time
}

// said returns the messages that a phone was sent on a channel.
func said(w *world, channel, phone string) []message {
	var out []message
	if channel == onMeta {
		for _, s := range w.sentTo(phone) {
			out = append(out, message{kind: s.Type, text: s.Text, id: s.ID, raw: s.Body, at: s.At})
		}
		return out
	}
	for _, s := range w.sentByGupshup(phone) {
		m := message{kind: "text", id: s.ID, raw: []byte(s.Message), at: s.At}
		if s.Template {
			m.kind = "template"
		}
		out = append(out, m)
	}
	return out
}

// seedRequests checks the requests that the provider received, byte by byte.
func seedRequests(t *testing.T, w *world, channel string, all []message) {
	t.Helper()
	if channel == onMeta {
		var posts int
		for _, r := range w.graph.Requests() {
			if r.Method != http.MethodPost {
				continue
			}
			posts++
			if got, want := r.Path, "/v26.0/"+numberAcme+"/messages"; got != want {
				t.Errorf("path: got %q, want %q", got, want)
			}
			if got, want := r.Header.Get("Authorization"), "Bearer "+metaToken; got != want {
				t.Errorf("authorization: got %q, want %q", got, want)
			}
		}
		if posts != 3 {
			t.Errorf("requests: got %d, want 3", posts)
		}
		for i, m := range all {
			var b map[string]json.RawMessage
			if err := json.Unmarshal(m.raw, &b); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(b["biz_opaque_callback_data"]), `"wg1.`) {
				t.Errorf("message %d: got opaque data %s, want ours", i+1, b["biz_opaque_callback_data"])
			}
			delete(b, "biz_opaque_callback_data")
			want := object{"messaging_product": "whatsapp", "recipient_type": "individual", "to": "+34600100200", "type": m.kind}
			if m.kind == "text" {
				want["text"] = object{"body": m.text}
			} else {
				want["template"] = json.RawMessage(`{"name":"reengagement_v1","language":{"code":"en"},"components":[` +
					`{"type":"body","parameters":[{"type":"text","text":"Ada"},{"type":"text","text":"Leavo"}]}]}`)
			}
			if got, want := canonical(t, b), canonical(t, want); got != want {
				t.Errorf("message %d: got %s, want %s", i+1, got, want)
			}
		}
		return
	}
	var posts []url.Values
	for _, r := range w.gupshup.Requests() {
		if r.Method != http.MethodPost {
			continue
		}
		form, err := url.ParseQuery(string(r.Body))
		if err != nil {
			t.Fatal(err)
		}
		form.Set("path", r.Path)
		posts = append(posts, form)
		if got := r.Header.Get("apikey"); got != gsKey {
			t.Errorf("apikey: got %q, want the channel's", got)
		}
	}
	if len(posts) != 3 {
		t.Fatalf("requests: got %d, want 3", len(posts))
	}
	for i, form := range posts {
		want := map[string]string{
			"channel": "whatsapp", "source": gsSource, "src.name": gsName, "destination": "34600100200", "path": "/wa/api/v1/msg",
		}
		if i == 2 {
			want["path"] = "/wa/api/v1/template/msg"
			if got, want := form.Get("template"), `{"id":"7b1e6f0a-0000-4000-8000-00000000000e","params":["Ada","Leavo"]}`; got != want {
				t.Errorf("template: got %s, want %s", got, want)
			}
		}
		for k, v := range want {
			if got := form.Get(k); got != v {
				t.Errorf("request %d, %s: got %q, want %q", i+1, k, got, v)
			}
		}
	}
}

// canonical returns v as JSON with sorted keys.
func canonical(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
