package providertest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"wagate/providers/providertest"
)

// receiver is a webhook endpoint that checks signatures and answers as told.
type receiver struct {
	*httptest.Server

	mu      sync.Mutex
	answers []int // statuses of the next answers; then 200
	bodies  []string
	bad     int // requests with a wrong signature
}

// newReceiver starts a receiver that expects signatures made with secret.
func newReceiver(t *testing.T, secret string) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.bodies = append(r.bodies, string(body))
		if req.Header.Get("X-Hub-Signature-256") != providertest.Sign(secret, body) {
			r.bad++
		}
		if len(r.answers) > 0 {
			w.WriteHeader(r.answers[0])
			r.answers = r.answers[1:]
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// newGraph starts a fake Graph.
func newGraph(t *testing.T, p providertest.GraphParams) *providertest.Graph {
	t.Helper()
	g, err := providertest.NewGraph(p)
	return running(t, g, err)
}

// newGupshup starts a fake Gupshup.
func newGupshup(t *testing.T, o providertest.GupshupOptions) *providertest.Gupshup {
	t.Helper()
	g, err := providertest.NewGupshup(o)
	return running(t, g, err)
}

// running closes the fake when the test ends, even if the test has closed it before.
func running[F interface{ Close() error }](t *testing.T, fake F, err error) F {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
	return fake
}

// send posts a body to the fake's messages path and returns the HTTP status and the error code.
func send(t *testing.T, g *providertest.Graph, token, body string) (status, code int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL()+"/v26.0/400000000000001/messages", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var e struct {
		Error struct{ Code int }
	}
	if err := json.NewDecoder(answer.Body).Decode(&e); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, e.Error.Code
}

// The fake accepts and refuses messages as the Cloud API does.
func TestGraphChecksSends(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	g := newGraph(t, providertest.GraphParams{
		Token: "tok", Now: func() time.Time { return now },
		Templates: []providertest.GraphTemplate{
			{Name: "visit", Body: "{{1}} {{2}} {{1}}"},
			{Name: "resting", Status: "PAUSED", Body: "x"},
			{Name: "gone", Status: "DISABLED", Body: "x"},
			{Name: "waiting", Status: "PENDING", Body: "x"},
		},
	})
	g.SetWindow("5511970000002", now)
	g.SetWindow("5511970000003", now.Add(time.Second))
	const head = `{"messaging_product":"whatsapp","to":"+5511970000001",`
	text := func(to string) string {
		return `{"messaging_product":"whatsapp",` + to + `,"type":"text","text":{"body":"x"}}`
	}
	template := func(name, language, params string) string {
		return head + `"type":"template","template":{"name":"` + name + `","language":{"code":"` + language + `"},"components":[{"type":"body","parameters":[` + params + `]}]}}`
	}
	const two = `{"type":"text","text":"a"},{"type":"text","text":"b"}`
	for name, test := range map[string]struct {
		token, body  string
		status, code int
	}{
		"text":                    {"tok", text(`"to":"+5511970000001"`), 200, 0},
		"to a user id":            {"tok", text(`"recipient":"BR.9c2"`), 200, 0},
		"phone wins over user id": {"tok", text(`"to":"+5511970000001","recipient":"nonsense"`), 200, 0},
		"wrong token":             {"other", text(`"to":"+5511970000001"`), 401, 190},
		"no plus":                 {"tok", text(`"to":"5511970000001"`), 400, 131009},
		"not a phone":             {"tok", text(`"to":"+55x"`), 400, 131009},
		"not a user id":           {"tok", text(`"recipient":"9c2"`), 400, 131009},
		"no recipient":            {"tok", text(`"x":1`), 400, 100},
		"not JSON":                {"tok", `{`, 400, 100},
		"no product":              {"tok", `{"to":"+5511970000001","type":"text","text":{"body":"x"}}`, 400, 100},
		"no type":                 {"tok", head + `"text":{"body":"x"}}`, 400, 100},
		"no member of the type":   {"tok", head + `"type":"image"}`, 400, 131008},
		"empty text":              {"tok", head + `"type":"text","text":{"body":" "}}`, 400, 100},
		"longest text":            {"tok", head + `"type":"text","text":{"body":"` + strings.Repeat("é", 4096) + `"}}`, 200, 0},
		"too long a text":         {"tok", head + `"type":"text","text":{"body":"` + strings.Repeat("é", 4097) + `"}}`, 400, 100},
		"opaque too long":         {"tok", head + `"type":"text","text":{"body":"x"},"biz_opaque_callback_data":"` + strings.Repeat("x", 513) + `"}`, 400, 100},
		"window closed":           {"tok", text(`"to":"+5511970000002"`), 400, 131047},
		"window open":             {"tok", text(`"to":"+5511970000003"`), 200, 0},
		"template":                {"tok", template("visit", "pt_BR", two), 200, 0},
		"other language":          {"tok", template("visit", "en_US", two), 404, 132001},
		"no such template":        {"tok", template("none", "pt_BR", two), 404, 132001},
		"paused":                  {"tok", template("resting", "pt_BR", ""), 400, 132015},
		"disabled":                {"tok", template("gone", "pt_BR", ""), 400, 132016},
		"pending":                 {"tok", template("waiting", "pt_BR", ""), 404, 132001},
		"too few params":          {"tok", template("visit", "pt_BR", `{"type":"text","text":"a"}`), 400, 132000},
		"param empty":             {"tok", template("visit", "pt_BR", `{"type":"text","text":"a"},{"type":"text","text":""}`), 400, 131008},
		"param of two lines":      {"tok", template("visit", "pt_BR", `{"type":"text","text":"a"},{"type":"text","text":"b\nc"}`), 400, 132012},
		"read receipt":            {"tok", `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.1"}`, 200, 0},
	} {
		if status, code := send(t, g, test.token, test.body); status != test.status || code != test.code {
			t.Errorf("%s: got %d, code %d, want %d, code %d", name, status, code, test.status, test.code)
		}
	}
	if got, want := len(g.Sends()), 6; got != want {
		t.Errorf("got %d accepted, want %d", got, want)
	}
}

// Scripted faults come in order, those for a phone first. OnSend can refuse a message as well.
func TestGraphScripts(t *testing.T) {
	t.Parallel()
	g := newGraph(t, providertest.GraphParams{})
	body := func(to string) string {
		return `{"messaging_product":"whatsapp","to":"+` + to + `","type":"text","text":{"body":"x"}}`
	}
	g.Script(providertest.Fault{Code: 131016, Status: 500}, providertest.Fault{Code: 2, Accept: true})
	g.ScriptFor("5511970000009", providertest.Fault{Code: 131056})
	for i, want := range []struct {
		to   string
		code int
	}{{"5511970000009", 131056}, {"5511970000001", 131016}, {"5511970000009", 2}, {"5511970000001", 0}} {
		if _, code := send(t, g, "any", body(want.to)); code != want.code {
			t.Errorf("send %d: got code %d, want %d", i, code, want.code)
		}
	}
	if got := len(g.Sends()); got != 2 {
		t.Errorf("got %d accepted, want 2, one of them although the caller got an error", got)
	}
	g.OnSend(func(s providertest.GraphSend) *providertest.Fault {
		if s.Text != "x" || len(g.Sends()) != 2 { // the hook may call the fake
			t.Errorf("got %+v, want the text, with 2 accepted before", s)
		}
		return &providertest.Fault{Code: 131026}
	})
	if _, code := send(t, g, "any", body("5511970000001")); code != 131026 {
		t.Errorf("hook: got code %d, want 131026", code)
	}
}

// The fake posts signed webhooks in Meta's spelling, repeats them until they are answered 200, and
// posts the statuses of a message.
func TestGraphPostsLikeMeta(t *testing.T) {
	t.Parallel()
	const secret = "unit-secret-9"
	r := newReceiver(t, secret)
	g := newGraph(t, providertest.GraphParams{
		CallbackURL: r.URL, AppSecret: secret, Statuses: []string{"sent", "delivered"}, Client: &http.Client{},
		Backoff: func(attempt int) (time.Duration, bool) { return 0, attempt < 3 },
	})
	user := providertest.GraphUser{Phone: "5511970000001", UserID: "BR.9c2", Name: "Zoé"}

	r.answers = []int{500, 201} // 201 is no 200
	ids, err := g.Inbound(t.Context(), providertest.GraphText(user, "olá 😀 a/b"), providertest.GraphImage(user, "c"))
	if err != nil || len(ids) != 2 {
		t.Fatalf("got %v, %v, want two ids", ids, err)
	}
	if got := g.Webhooks()[0].Answers; len(got) != 3 || got[0] != 500 || got[1] != 201 || got[2] != 200 {
		t.Errorf("got answers %v, want 500, 201, 200", got)
	}
	if !strings.Contains(r.bodies[0], `ol\u00e1 \ud83d\ude00 a\/b`) || r.bodies[0] != r.bodies[2] {
		t.Errorf("got body %s, want it escaped as Meta does and repeated unchanged", r.bodies[0])
	}

	r.answers = []int{503, 503, 503}
	if _, err := g.Inbound(t.Context(), providertest.GraphText(user, "x")); !errors.Is(err, providertest.ErrNotTaken) {
		t.Errorf("got %v, want ErrNotTaken", err)
	}

	before := len(r.bodies)
	send(t, g, "any", `{"messaging_product":"whatsapp","to":"+5511970000001","type":"text","text":{"body":"x"},"biz_opaque_callback_data":"op-1"}`)
	if err := g.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := g.Sends()[0]
	if len(r.bodies) != before+2 {
		t.Fatalf("got %d statuses, want 2", len(r.bodies)-before)
	}
	for i, state := range []string{"sent", "delivered"} {
		for _, want := range []string{`"status":"` + state + `"`, `"id":"` + sent.ID + `"`, `"biz_opaque_callback_data":"op-1"`, `"recipient_id":"5511970000001"`} {
			if got := r.bodies[before+i]; !strings.Contains(got, want) {
				t.Errorf("status %d: got %s, want %s in it", i, got, want)
			}
		}
	}
	if r.bad != 0 {
		t.Errorf("got %d wrong signatures, want none", r.bad)
	}
}

// The fake's window is open for 24 h from the user's message. A reaction or a group
// message does not open it.
func TestGraphWindowsFollowInbound(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, "")
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	g := newGraph(t, providertest.GraphParams{CallbackURL: r.URL, EnforceWindow: true, Now: clock, Client: &http.Client{}})
	body := `{"messaging_product":"whatsapp","to":"+5511970000001","type":"text","text":{"body":"x"}}`
	user := providertest.GraphUser{Phone: "5511970000001"}
	want := func(when string, code int) {
		t.Helper()
		if _, got := send(t, g, "any", body); got != code {
			t.Errorf("%s: got code %d, want %d", when, got, code)
		}
	}
	want("no message", 131047)
	if _, err := g.Inbound(t.Context(), providertest.GraphReaction(user, "wamid.1", "x")); err != nil {
		t.Fatal(err)
	}
	want("only a reaction", 131047)
	inGroup := providertest.GraphText(user, "hi all")
	inGroup.Extra = map[string]any{"group_id": "120363"}
	if _, err := g.Inbound(t.Context(), inGroup); err != nil {
		t.Fatal(err)
	}
	want("only a group message", 131047)
	if _, err := g.Inbound(t.Context(), providertest.GraphText(user, "hi")); err != nil {
		t.Fatal(err)
	}
	want("a message", 0)
	mu.Lock()
	now = now.Add(24 * time.Hour)
	mu.Unlock()
	want("24 h later", 131047)
}

// Close ends everything that waits, and nothing is posted after it.
func TestGraphCloseEndsEverything(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, "")
	g, err := providertest.NewGraph(providertest.GraphParams{
		CallbackURL: r.URL, Statuses: []string{"sent"}, StatusDelay: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	send(t, g, "any", `{"messaging_product":"whatsapp","to":"+5511970000001","type":"text","text":{"body":"x"}}`)
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if err := g.WaitIdle(t.Context()); err != nil {
		t.Errorf("after close: got %v, want none", err)
	}
	g.PostLater([]byte(`{}`))
	if n := len(g.Webhooks()); n != 0 {
		t.Errorf("got %d webhooks after close, want 0", n)
	}
}
