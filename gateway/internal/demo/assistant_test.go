package demo

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"wagate/providers/providertest"
)

// recorder is an ear that records what it is told.
type recorder struct {
	mu     sync.Mutex
	heard  []string    // messages received
	said   chan string // the message id of each answer, or its error
	forges int         // requests with a bad signature
}

func (r *recorder) message(in incoming) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, in.Name+": "+in.Text)
}

func (r *recorder) answered(_, id, _ string, err error) {
	if err != nil {
		id = err.Error()
	}
	r.said <- id
}

func (r *recorder) followup(happening) {}

func (r *recorder) forged() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forges++
}

// hello is a delivery with one message of Ana's.
const hello = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":` +
	`{"metadata":{"phone_number_id":"400"},"contacts":[{"profile":{"name":"Ana"}}],` +
	`"messages":[{"from":"12025550101","id":"wamid.1","type":"text","text":{"body":"Hello"}}]}}]}]}`

// TestAssistant: the assistant answers a message in a signed delivery once, however often the
// delivery comes, and refuses a delivery with a bad signature.
func TestAssistant(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var sent []map[string]any
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		if r.URL.Path != "/v26.0/400/messages" || r.Header.Get("Authorization") != "Bearer key" ||
			r.Header.Get("Idempotency-Key") != "answer-to-wamid.1" {
			t.Errorf("got %s with headers %v, want a send with the assistant's key and an idempotency key", r.URL.Path, r.Header)
		}
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, body)
		_, _ = w.Write([]byte(`{"messages":[{"id":"wamid.2"}]}`))
	}))
	t.Cleanup(gateway.Close)
	ear := &recorder{said: make(chan string, 10)}
	a, err := startAssistant(assistantParams{
		Secret: "secret", Key: "key", Ear: ear, Reply: func(in incoming) string { return "You said " + in.Text },
	})
	if err != nil {
		t.Fatal(err)
	}
	a.connect(gateway.URL)

	// Not the default transport: other tests close its idle connections.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	post := func(id, signature string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url, bytes.NewReader([]byte(hello)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Hub-Signature-256", signature)
		req.Header.Set("webhook-id", id)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	for _, bad := range []string{"", "sha256=", "sha256=zz", providertest.Sign("other", []byte(hello)), "sha1=00"} {
		if got := post("1", bad); got != http.StatusUnauthorized {
			t.Errorf("signature %q: got %d, want 401", bad, got)
		}
	}
	good := providertest.Sign("secret", []byte(hello))
	for range 3 {
		if got := post("1", good); got != http.StatusOK {
			t.Fatalf("good signature: got %d, want 200", got)
		}
	}
	if got := <-ear.said; got != "wamid.2" {
		t.Errorf("answer: got %q, want the message id wamid.2", got)
	}
	if err := a.stop(); err != nil {
		t.Error(err)
	}
	if want := []string{"Ana: Hello"}; !slices.Equal(ear.heard, want) || ear.forges != 5 {
		t.Errorf("got messages %q and %d forgeries, want %q and 5", ear.heard, ear.forges, want)
	}
	if len(sent) != 1 || sent[0]["to"] != "12025550101" {
		t.Errorf("got %v sent, want one answer to Ana", sent)
	}
}

// TestAssistantSendRefused: a send that is refused returns the message of Graph's error object. An
// answer that is not Graph's is an error too.
func TestAssistantSendRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"error":{"message":"(#131047) closed","code":131047}}`: "send message: (#131047) closed",
		`{"messages":[]}`: "send message: the answer is not Graph's",
		`<html>`:          "send message: the answer is not Graph's",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(body))
		}))
		a := &assistant{gateway: server.URL}
		if _, err := a.send(t.Context(), "400", "12025550101", "Hi", "k"); err == nil || err.Error() != want {
			t.Errorf("%s: got error %v, want %q", body, err, want)
		}
		server.Close()
	}
}

// TestJournalWait: wait returns when a matching note is added, and fails after its time-out.
func TestJournalWait(t *testing.T) {
	t.Parallel()
	j := newJournal()
	late := make(chan error, 1)
	is := func(id string) func(note) bool { return func(n note) bool { return n.id == id } }
	go func() {
		_, err := j.wait(t.Context(), time.Minute, "b comes", is("b"))
		late <- err
	}()
	j.add(note{id: "a"})
	j.add(note{id: "b"})
	if err := <-late; err != nil {
		t.Errorf("got error %v, want the note that is added later", err)
	}
	_, err := j.wait(t.Context(), time.Millisecond, "c comes", is("c"))
	if want := "did not happen within 0s: c comes"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %q", err, want)
	}
}
