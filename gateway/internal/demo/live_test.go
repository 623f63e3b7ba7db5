package demo

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSuggestionsWork: every request that the demo suggests succeeds as it is printed.
func TestSuggestionsWork(t *testing.T) {
	t.Parallel()
	var out tape
	// A day takes an hour, so that no window closes during the test.
	w, err := newWorld(t.Context(), time.Hour, newNarrator(&out), slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newStory(w)
	for _, chapter := range []func(context.Context) error{s.configure, s.leadsWrite} {
		if err := chapter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	phones, err := w.startPhones()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = phones.Close() })
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	do := func(r request) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), r.method, r.url, strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl -d does
		if r.key != "" {
			req.Header.Set("Authorization", "Bearer "+r.key)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	for _, r := range w.suggestions("http://" + phones.Addr) {
		if status, text := do(r); status != http.StatusOK {
			t.Errorf("%s: got %d %s for %s, want 200", r.what, status, text, r.curl())
		}
	}
	for name, want := range map[string]int{"nobody": http.StatusNotFound, "bruno": http.StatusBadRequest} {
		if status, _ := do(request{method: http.MethodPost, url: "http://" + phones.Addr + "/" + name}); status != want {
			t.Errorf("empty message from %s: got %d, want %d", name, status, want)
		}
	}
	r := request{method: http.MethodPut, url: "http://x", key: "k", body: "{}"}
	if got, want := r.curl(), `curl -s -X PUT -H 'Authorization: Bearer k' -d '{}' 'http://x'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
