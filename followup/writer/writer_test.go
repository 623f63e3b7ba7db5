package writer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"wagate/followup"
	"wagate/followup/writer"
	"wagate/followup/writer/modeltest"
)

// Write sends one request with the key, the model and the history, and returns the cleaned text.
func TestWriteReturnsTheText(t *testing.T) {
	t.Parallel()
	f := start(t, nil, modeltest.Answer{Text: "\n \"Oi, Ana! Ainda quer ver a proposta?\" "})
	got, err := f.Write(t.Context(), brief())
	if want := "Oi, Ana! Ainda quer ver a proposta?"; err != nil || got != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	r := f.model.Requests()
	if len(r) != 1 || r[0].Model != "small-1" || r[0].Authorization != "Bearer "+key || !strings.Contains(r[0].Text(), private) {
		t.Errorf("got %+v, want one request with the key, the model and the history", r)
	}
	f.wantRequests(t, map[string]int{"ok": 1})
	f.wantNoSecrets(t, nil)
}

// Every series exists from the start, at 0.
func TestMetricsExistBeforeFirstRequest(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.wantRequests(t, nil)
	want := `# HELP wagate_ai_tokens_total Tokens the model counted, by direction: input (prompt) and output (completion).
# TYPE wagate_ai_tokens_total counter
wagate_ai_tokens_total{direction="input"} 0
wagate_ai_tokens_total{direction="output"} 0
`
	if err := testutil.GatherAndCompare(f.registry, strings.NewReader(want), "wagate_ai_tokens_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(f.registry, "wagate_ai_duration_seconds"); n != 1 || err != nil {
		t.Errorf("wagate_ai_duration_seconds: got %d, %v, want 1", n, err)
	}
}

// The tokens that the model reports are counted by direction.
func TestTokensAreCounted(t *testing.T) {
	t.Parallel()
	f := start(t, nil, modeltest.Answer{Raw: `{"choices":[{"message":{"role":"assistant","content":"Oi!"}}],"usage":{"prompt_tokens":120,"completion_tokens":7}}`})
	if _, err := f.Write(t.Context(), brief()); err != nil {
		t.Fatal(err)
	}
	want := `# HELP wagate_ai_tokens_total Tokens the model counted, by direction: input (prompt) and output (completion).
# TYPE wagate_ai_tokens_total counter
wagate_ai_tokens_total{direction="input"} 120
wagate_ai_tokens_total{direction="output"} 7
`
	if err := testutil.GatherAndCompare(f.registry, strings.NewReader(want), "wagate_ai_tokens_total"); err != nil {
		t.Error(err)
	}
}

// An unusable text is asked for once more, with the bad text and what was wrong with it.
func TestUnusableTextRetriedOnce(t *testing.T) {
	t.Parallel()
	f := start(t, nil, modeltest.Answer{Text: "Oi, [nome]!"}, modeltest.Answer{Text: "Oi! Ainda faz sentido?"})
	got, err := f.Write(t.Context(), brief())
	if err != nil || got != "Oi! Ainda faz sentido?" {
		t.Fatalf("got %q, %v, want the second text", got, err)
	}
	second := f.model.Requests()[1]
	if n := len(second.Messages); n != 4 || second.Messages[2].Content != "Oi, [nome]!" || !strings.Contains(second.Messages[3].Content, "placeholder") {
		t.Errorf("second request: got %+v, want the bad text and what was wrong with it", second.Messages)
	}
	f.wantRequests(t, map[string]int{"unusable": 1, "ok": 1})
}

// After two unusable texts Write returns ErrAIUnusable and asks no third time.
func TestTwiceUnusable(t *testing.T) {
	t.Parallel()
	tests := map[string]modeltest.Answer{
		"empty":           {},
		"placeholder":     {Text: "quoted back {{LEAD_NAME}}"},
		"repetition":      {Text: "Posso ajudar em mais alguma coisa hoje?"},
		"cut off":         {Text: "Oi, quoted back", Finish: "length"},
		"filtered":        {Text: "Oi, quoted back", Finish: "content_filter"},
		"prompt filtered": {Status: 400, Code: "content_filter", Text: "quoted back"},
		"prompt flagged":  {Status: 400, Code: "invalid_prompt", Text: "quoted back"},
		"refusal field":   {Raw: `{"choices":[{"message":{"role":"assistant","content":"","refusal":"quoted back"}}]}`},
	}
	for name, a := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, nil, a, a, modeltest.Answer{Text: "Oi!"})
			got, err := f.Write(t.Context(), brief())
			if got != "" || !errors.Is(err, followup.ErrAIUnusable) || errors.Is(err, followup.ErrAIUnavailable) {
				t.Errorf("got %q, %v, want ErrAIUnusable", got, err)
			}
			if n := len(f.model.Requests()); n != 2 {
				t.Errorf("requests: got %d, want 2", n)
			}
			f.wantRequests(t, map[string]int{"unusable": 2})
			f.wantNoSecrets(t, err)
		})
	}
}

// If the model cannot be reached or answers with an error, Write returns ErrAIUnavailable. It tries
// again only if that may help.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	leaky := "Incorrect API key provided: " + key + ", quoted back"
	tests := []struct {
		name     string
		answer   modeltest.Answer
		outcome  string
		requests int // 3: retried twice; 1: not retried
	}{
		{"500", modeltest.Answer{Status: 500, Text: leaky}, "error", 3},
		{"503 without JSON", modeltest.Answer{Status: 503, Raw: "<html>" + leaky}, "error", 3},
		{"429", modeltest.Answer{Status: 429, Text: leaky}, "throttled", 3},
		{"429 for a while", modeltest.Answer{Status: 429, Header: http.Header{"Retry-After": {"0.001"}}}, "throttled", 3},
		{"429 for an hour", modeltest.Answer{Status: 429, Header: http.Header{"Retry-After": {"3600"}}}, "throttled", 1},
		{"429 without quota", modeltest.Answer{Status: 429, Code: "insufficient_quota"}, "rejected", 1},
		{"401", modeltest.Answer{Status: 401, Text: leaky, Code: "invalid_api_key"}, "rejected", 1},
		{"404", modeltest.Answer{Status: 404, Text: leaky}, "rejected", 1},
		{"400", modeltest.Answer{Status: 400, Raw: leaky}, "rejected", 1},
		{"redirect", modeltest.Answer{Status: 307, Header: http.Header{"Location": {"/elsewhere"}}, Raw: leaky}, "error", 3},
		{"dropped", modeltest.Answer{Drop: true}, "error", 3},
		{"not JSON", modeltest.Answer{Raw: leaky}, "error", 3},
		{"no choices", modeltest.Answer{Raw: `{"choices":[]}`}, "error", 3},
		{"too long", modeltest.Answer{Raw: `{"choices":[{"message":{"content":"` + strings.Repeat("x", 2<<20) + `"}}]}`}, "error", 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, nil, tt.answer, tt.answer, tt.answer, modeltest.Answer{Text: "Oi!"})
			got, err := f.Write(t.Context(), brief())
			if got != "" || !errors.Is(err, followup.ErrAIUnavailable) || errors.Is(err, followup.ErrAIUnusable) {
				t.Errorf("got %q, %v, want ErrAIUnavailable", got, err)
			}
			if n := len(f.model.Requests()); n != tt.requests {
				t.Errorf("requests: got %d, want %d", n, tt.requests)
			}
			f.wantRequests(t, map[string]int{tt.outcome: tt.requests})
			f.wantNoSecrets(t, err)
		})
	}
}

// A failure that a retry overcomes is not returned.
func TestShortOutageIsRetried(t *testing.T) {
	t.Parallel()
	f := start(t, nil, modeltest.Answer{Status: 500}, modeltest.Answer{Drop: true}, modeltest.Answer{Text: "Oi!"})
	if got, err := f.Write(t.Context(), brief()); got != "Oi!" || err != nil {
		t.Errorf("got %q, %v, want the text", got, err)
	}
	f.wantRequests(t, map[string]int{"error": 2, "ok": 1})
}

// A model at an address where nothing listens is unavailable.
func TestModelUnreachable(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	_ = f.model.Close()
	_, err := f.Write(t.Context(), brief())
	if !errors.Is(err, followup.ErrAIUnavailable) {
		t.Errorf("got %v, want ErrAIUnavailable", err)
	}
	f.wantRequests(t, map[string]int{"error": 3})
	f.wantNoSecrets(t, err)
}

// An answer that switches to another protocol is a failure, and its endless body is not read.
func TestSwitchingProtocolsFails(t *testing.T) {
	t.Parallel()
	endless, end := io.Pipe()
	t.Cleanup(func() { _ = end.Close() })
	f := start(t, func(p *writer.Params) {
		p.Tries = 1
		p.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
			r := respond(http.StatusSwitchingProtocols, "")
			r.Body = endless
			return r, nil
		})
	})
	_, err := f.Write(t.Context(), brief())
	if !errors.Is(err, followup.ErrAIUnavailable) {
		t.Errorf("got %v, want ErrAIUnavailable", err)
	}
	f.wantRequests(t, map[string]int{"error": 1})
	f.wantNoSecrets(t, err)
}

// Params.Timeout bounds each try.
func TestTimeout(t *testing.T) {
	t.Parallel()
	hold := modeltest.Answer{Hold: make(chan struct{})}
	f := start(t, func(p *writer.Params) { p.Timeout, p.Tries = 20*time.Millisecond, 2 }, hold, hold)
	_, err := f.Write(t.Context(), brief())
	if !errors.Is(err, followup.ErrAIUnavailable) {
		t.Errorf("got %v, want ErrAIUnavailable", err)
	}
	f.wantRequests(t, map[string]int{"timeout": 2})
	f.wantNoSecrets(t, err)
}

// If ctx ends while the model writes, Write stops at once and its error has both
// ErrAIUnavailable and the cause.
func TestCancelledWhileTheModelWrites(t *testing.T) {
	t.Parallel()
	f := start(t, nil, modeltest.Answer{Hold: make(chan struct{})})
	stop := errors.New("the lead replied")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-f.model.Arrived()
		cancel(stop)
	}()
	_, err := f.Write(ctx, brief())
	if !errors.Is(err, followup.ErrAIUnavailable) || !errors.Is(err, stop) {
		t.Errorf("got %v, want ErrAIUnavailable and the cause", err)
	}
	if n := len(f.model.Requests()); n != 1 {
		t.Errorf("requests: got %d, want 1", n)
	}
	f.wantRequests(t, map[string]int{"cancelled": 1})
}

// A slow answer within the timeout is used.
func TestHeldAnswerIsReleased(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	f := start(t, nil, modeltest.Answer{Text: "Oi!", Hold: hold})
	go func() {
		<-f.model.Arrived()
		close(hold)
	}()
	if got, err := f.Write(t.Context(), brief()); got != "Oi!" || err != nil {
		t.Errorf("got %q, %v, want the text", got, err)
	}
}

// At most Concurrency requests are under way at once, and all are served.
func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		w := writer.New(writer.Params{Model: "m", BaseURL: "http://model.invalid/v1", Concurrency: 3, Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second) // virtual
			now.Add(-1)
			return respond(200, `{"choices":[{"message":{"content":"Oi!"}}]}`), nil
		})})
		for range 12 {
			go func() {
				if _, err := w.Write(t.Context(), brief()); err != nil {
					t.Errorf("got error %v, want none", err)
				}
			}()
		}
		start := time.Now()
		time.Sleep(4*time.Second + time.Millisecond)
		synctest.Wait()
		if most.Load() != 3 || now.Load() != 0 {
			t.Errorf("after %v: got %d at once and %d left, want 3 and 0", time.Since(start), most.Load(), now.Load())
		}
	})
}

// After 10 failures in a row the breaker refuses requests; 10 s later it lets
// one through and closes.
func TestBreakerOpensAndRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		var well atomic.Bool
		w := writer.New(writer.Params{
			Model: "m", BaseURL: "http://model.invalid/v1", Tries: 1,
			Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				calls.Add(1)
				if well.Load() {
					return respond(200, `{"choices":[{"message":{"content":"Oi!"}}]}`), nil
				}
				return respond(500, ""), nil
			}),
		})
		for range 25 {
			if _, err := w.Write(t.Context(), brief()); !errors.Is(err, followup.ErrAIUnavailable) {
				t.Fatalf("got %v, want ErrAIUnavailable", err)
			}
		}
		if n := calls.Load(); n != 10 {
			t.Errorf("requests for 25 texts: got %d, want 10 before the breaker opened", n)
		}
		well.Store(true)
		time.Sleep(10*time.Second + time.Millisecond) // virtual
		if got, err := w.Write(t.Context(), brief()); got != "Oi!" || err != nil {
			t.Errorf("after the outage: got %q, %v, want the text", got, err)
		}
	})
}

// A request that the caller cancelled counts neither as a failure nor as a success.
func TestCancelledCallNotCountedByBreaker(t *testing.T) {
	t.Parallel()
	calls := 0
	ctx, giveUp := context.WithCancel(t.Context())
	w := writer.New(writer.Params{
		Model: "m", BaseURL: "http://model.invalid/v1", Tries: 1,
		Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			if calls++; calls == 10 {
				giveUp()
				return nil, context.Canceled
			}
			return respond(500, ""), nil
		}),
	})
	for range 9 {
		_, _ = w.Write(t.Context(), brief())
	}
	if _, err := w.Write(ctx, brief()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cause", err)
	}
	for range 9 {
		_, _ = w.Write(t.Context(), brief())
	}
	if calls != 11 {
		t.Errorf("got %d requests, want the breaker open after 10 failures, the cancelled one not counted", calls)
	}
}

// A rejected request says nothing about the model's health: the breaker stays closed.
func TestWrongKeyDoesNotTripBreaker(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	w := writer.New(writer.Params{Model: "m", BaseURL: "http://model.invalid/v1", Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		calls.Add(1)
		return respond(401, `{"error":{"message":"no"}}`), nil
	})})
	for range 30 {
		_, _ = w.Write(t.Context(), brief())
	}
	if n := calls.Load(); n != 30 {
		t.Errorf("got %d requests, want 30", n)
	}
}

// TestLogNamesModelFault checks that a rejected request is logged once a minute, naming the config
// keys to check, and that an unhealthy server is logged with the reason why the breaker opened.
func TestLogNamesModelFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var status atomic.Int32
		w := writer.New(writer.Params{
			Model: "m", BaseURL: "http://model.invalid/v1", Tries: 1, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				if status.Load() == 0 {
					return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "model.invalid"}}
				}
				return respond(int(status.Load()), `{"error":{"message":"quoted back"}}`), nil
			}),
		})
		ask := func(code int32, times int) {
			status.Store(code)
			for range times {
				_, _ = w.Write(t.Context(), brief())
			}
		}
		const complaint = "see ai.api_key, ai.model and the account's quota"
		ask(401, 30)
		if got := strings.Count(log.String(), complaint); got != 1 || !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "status=401") {
			t.Errorf("wrong key: got %d log lines in %s, want one, with the status", got, &log)
		}
		time.Sleep(time.Minute) // virtual
		ask(404, 2)
		if got := strings.Count(log.String(), complaint); got != 2 {
			t.Errorf("a minute later: got %d log lines, want 2", got)
		}
		log.Reset()
		ask(502, 10)
		if !strings.Contains(log.String(), `to=open`) || !strings.Contains(log.String(), `last="error, status 502"`) {
			t.Errorf("unhealthy server: got %s, want why the breaker opened", &log)
		}
		if strings.Contains(log.String(), complaint) || strings.Contains(log.String(), "quoted back") {
			t.Errorf("unhealthy server: got %s, want nothing else", &log)
		}
		time.Sleep(time.Minute)
		log.Reset()
		ask(0, 1)
		if !strings.Contains(log.String(), `last="error, name not resolved"`) || strings.Contains(log.String(), "model.invalid") {
			t.Errorf("unknown host: got %s, want the reason without the host", &log)
		}
	})
}

// Write waits as long as Retry-After says, exactly.
func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := true
		w := writer.New(writer.Params{Model: "m", BaseURL: "http://model.invalid/v1", Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			if first {
				first = false
				resp := respond(429, "")
				resp.Header.Set("Retry-After", "7")
				return resp, nil
			}
			return respond(200, `{"choices":[{"message":{"content":"Oi!"}}]}`), nil
		})})
		start := time.Now()
		if got, err := w.Write(t.Context(), brief()); got != "Oi!" || err != nil {
			t.Fatalf("got %q, %v, want the text", got, err)
		}
		if waited := time.Since(start); waited != 7*time.Second {
			t.Errorf("waited %v, want 7s", waited)
		}
	})
}
