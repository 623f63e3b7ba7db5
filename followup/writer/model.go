package writer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	openai "github.com/sashabaranov/go-openai"
	"github.com/sony/gobreaker/v2"

	"wagate/followup"
	"wagate/followup/sometimes"
	"wagate/providers/transport"
)

const (
	// maxAnswer bounds how much of one answer is read, in bytes.
	maxAnswer = 1 << 20
	// maxTokens bounds what one answer costs. Reasoning counts too, so the bound is generous.
	maxTokens = 4096
	// maxRetryAfter is the longest Retry-After that is waited for within one text. If the server
	// asks for more, the model is unavailable.
	maxRetryAfter = 15 * time.Second
	// breakAfter consecutive failures open the breaker for breakFor.
	breakAfter = 10
	breakFor   = 10 * time.Second
)

// model requests completions from the server, bounded in number, time and tries.
type model struct {
	now     func() time.Time
	client  *openai.Client
	name    string
	timeout time.Duration
	tries   uint
	backOff func() backoff.BackOff
	slots   *slots
	breaker *gobreaker.CircuitBreaker[answer]
	metrics *metrics
	log     *slog.Logger
	last    atomic.Pointer[requestError] // the last failed request
	// complaints limits how often the log repeats that a human is needed.
	complaints sometimes.Limiter[struct{}]
}

// answer is the model's answer. fault is set if the server or the model marked it as unusable.
type answer struct {
	text  string
	fault fault
}

// requestError is a failed request, described without any of its content.
type requestError struct {
	outcome    outcome
	status     int
	why        string // from a closed set of words, if there was no answer; else empty
	retryAfter time.Duration
}

func (e *requestError) Error() string {
	switch {
	case e.status != 0:
		return string(e.outcome) + ", status " + strconv.Itoa(e.status)
	case e.why != "":
		return string(e.outcome) + ", " + e.why
	}
	return string(e.outcome)
}

func newModel(p Params, m *metrics, log *slog.Logger) *model {
	cfg := openai.DefaultConfig(p.APIKey)
	cfg.BaseURL = p.BaseURL
	cfg.HTTPClient = &http.Client{
		Transport: bounded{p.Transport},
		// A redirect would send the texts to a host that nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	asked := &model{
		now: p.Now, client: openai.NewClientWithConfig(cfg), name: p.Model, timeout: p.Timeout, tries: p.Tries,
		backOff: p.BackOff, slots: newSlots(p.Concurrency), metrics: m, log: log,
		complaints: sometimes.Limiter[struct{}]{Interval: complainEvery},
	}
	asked.breaker = gobreaker.NewCircuitBreaker[answer](gobreaker.Settings{
		Timeout:     breakFor,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakAfter },
		// Only an ailing server opens the breaker. Throttling, a wrong key and a caller that gave
		// up do not.
		IsSuccessful:  func(err error) bool { return !isOutcome(err, outcomeFailed, outcomeTimeout) },
		IsExcluded:    func(err error) bool { return isOutcome(err, outcomeCancelled) },
		OnStateChange: func(_ string, from, to gobreaker.State) { asked.changed(from, to) },
	})
	return asked
}

// changed logs a change of the breaker's state and, when it opens, the last failure.
func (m *model) changed(from, to gobreaker.State) {
	log := m.log
	if e := m.last.Load(); to == gobreaker.StateOpen && e != nil {
		log = log.With("last", e.Error())
	}
	log.Warn("model breaker changed state", "from", from.String(), "to", to.String())
}

// complainEvery is the shortest time between two log lines of complain.
const complainEvery = time.Minute

// complain logs that a human is needed. The failing steps do not show it: they record only that
// there was no text.
func (m *model) complain(e *requestError) {
	if m.complaints.Allow(struct{}{}, m.now()) {
		m.log.Error("model rejects requests: see ai.api_key, ai.model and the account's quota", "status", e.status)
	}
}

// ask returns the model's answer. The error matches ErrAIUnavailable once the tries are spent or
// ctx ended.
func (m *model) ask(ctx context.Context, t followup.TenantID, messages []openai.ChatCompletionMessage) (answer, error) {
	a, err := backoff.Retry(ctx, func() (answer, error) { return m.try(ctx, t, messages) },
		backoff.WithBackOff(m.backOff()), backoff.WithMaxTries(m.tries), backoff.WithMaxElapsedTime(0))
	if err == nil {
		return a, nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return answer{}, fmt.Errorf("%w: %w", followup.ErrAIUnavailable, cause)
	}
	if e, ok := errors.AsType[*requestError](err); ok {
		err = e // drop the advice for the retry
	}
	return answer{}, fmt.Errorf("%w: %w", followup.ErrAIUnavailable, err)
}

// try makes one request. It marks the error as permanent if another try makes no sense. Failures
// are counted here; an answer is counted once its text has been checked.
func (m *model) try(ctx context.Context, t followup.TenantID, messages []openai.ChatCompletionMessage) (answer, error) {
	if err := m.slots.acquire(ctx, t); err != nil {
		m.metrics.request(outcomeCancelled)
		return answer{}, backoff.Permanent(&requestError{outcome: outcomeCancelled})
	}
	defer m.slots.release()
	a, err := m.breaker.Execute(func() (answer, error) {
		a, err := m.complete(ctx, messages)
		if e, ok := errors.AsType[*requestError](err); ok {
			m.last.Store(e)
		}
		return a, err
	})
	if err == nil {
		return a, nil
	}
	e, isRequest := errors.AsType[*requestError](err)
	if !isRequest { // the breaker's own error: open, or half open and busy
		e = &requestError{outcome: outcomeBroken}
	}
	m.metrics.request(e.outcome)
	if e.outcome == outcomeRejected {
		m.complain(e)
	}
	switch {
	case e.outcome == outcomeCancelled, e.outcome == outcomeRejected, e.retryAfter > maxRetryAfter:
		return answer{}, backoff.Permanent(e)
	case e.retryAfter > 0:
		return answer{}, errors.Join(e, &backoff.RetryAfterError{Duration: e.retryAfter})
	}
	return answer{}, e
}

func (m *model) complete(ctx context.Context, messages []openai.ChatCompletionMessage) (answer, error) {
	bounded, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	start := m.now()
	resp, err := m.client.CreateChatCompletion(bounded, openai.ChatCompletionRequest{
		Model: m.name, Messages: messages, MaxCompletionTokens: maxTokens,
	})
	m.metrics.took(m.now().Sub(start))
	if flagged(err) {
		return answer{fault: faultRefused}, nil
	}
	if err != nil {
		return answer{}, classify(ctx, bounded, err, resp.Header())
	}
	m.metrics.used(resp.Usage.PromptTokens, resp.Usage.CompletionTokens)
	if len(resp.Choices) == 0 {
		return answer{}, &requestError{outcome: outcomeFailed}
	}
	c := resp.Choices[0]
	a := answer{text: c.Message.Content}
	switch {
	case c.FinishReason == openai.FinishReasonContentFilter, c.Message.Refusal != "":
		a.fault = faultRefused
	case c.FinishReason == openai.FinishReasonLength:
		a.fault = faultCutOff
	}
	return a, nil
}

// flagged reports whether the server refused to answer because of the content of this text. The
// status is that of a bad request, but key and model are fine.
func flagged(err error) bool {
	e, ok := errors.AsType[*openai.APIError](err)
	return ok && (e.Code == "content_filter" || e.Code == "content_policy_violation" || e.Code == "invalid_prompt")
}

// classify reduces an error of the client to what may be logged.
func classify(ctx, bounded context.Context, err error, header http.Header) *requestError {
	switch {
	case ctx.Err() != nil:
		return &requestError{outcome: outcomeCancelled}
	case bounded.Err() != nil:
		return &requestError{outcome: outcomeTimeout}
	}
	status, quota := 0, false
	if e, ok := errors.AsType[*openai.APIError](err); ok {
		status, quota = e.HTTPStatusCode, e.Code == "insufficient_quota"
	} else if e, ok := errors.AsType[*openai.RequestError](err); ok {
		status = e.HTTPStatusCode
	}
	e := &requestError{outcome: outcomeFailed, status: status, retryAfter: retryAfter(header)}
	if _, ok := errors.AsType[*url.Error](err); ok {
		e.why = transport.Reason(err)
	}
	switch {
	case quota:
		e.outcome = outcomeRejected // comes as a 429, but waiting does not help
	case status == http.StatusTooManyRequests:
		e.outcome = outcomeThrottled
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooEarly:
	case status >= 400 && status < 500:
		e.outcome = outcomeRejected
	}
	return e
}

// retryAfter reads a Retry-After header in seconds. Model servers do not use the form with a date;
// it reads as absent.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseFloat(h.Get("Retry-After"), 64)
	if err != nil || !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, 24*3600) * float64(time.Second))
}

func isOutcome(err error, among ...outcome) bool {
	e, ok := errors.AsType[*requestError](err)
	return ok && slices.Contains(among, e.outcome)
}

// errSwitched reports that the server switched protocols, so that no answer will follow.
var errSwitched = errors.New("writer: protocol switched")

// bounded is a transport that cuts response bodies off after maxAnswer bytes.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// What follows is not an answer, and no deadline would end it.
		_ = resp.Body.Close()
		return nil, errSwitched
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}
