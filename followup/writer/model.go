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
	// maxAnswer bounds what is read of one answer.
	maxAnswer = 1 << 20
	// maxTokens bounds what one answer costs; reasoning counts too, hence the room.
	maxTokens = 4096
	// maxRetryAfter is the longest wait a server may ask for within one text;
	// one that asks for more is unavailable.
	maxRetryAfter = 15 * time.Second
	// breakAfter failures in a row open the breaker for breakFor.
	breakAfter = 10
	breakFor   = 10 * time.Second
)

// model asks the server for one completion: bounded in number, time and tries.
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
	last    atomic.Pointer[requestError] // how the last request failed
	// complaints limits how often the log repeats that a human is needed.
	complaints sometimes.Limiter[struct{}]
}

// answer is what the model said; fault is set if it said itself that this is
// no message.
type answer struct {
	text  string
	fault fault
}

// requestError is a failed request, told without any of its content.
type requestError struct {
	outcome    outcome
	status     int
	why        string // there was no answer, in closed words; empty: there was
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
		// A redirect would carry the texts to a host nobody configured.
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
		// Only an ailing server trips it: not one that throttles, not a wrong
		// key, not a caller that gave up.
		IsSuccessful:  func(err error) bool { return !isOutcome(err, outcomeFailed, outcomeTimeout) },
		IsExcluded:    func(err error) bool { return isOutcome(err, outcomeCancelled) },
		OnStateChange: func(_ string, from, to gobreaker.State) { asked.changed(from, to) },
	})
	return asked
}

// changed says in the log what became of the breaker, and why it opened.
func (m *model) changed(from, to gobreaker.State) {
	log := m.log
	if e := m.last.Load(); to == gobreaker.StateOpen && e != nil {
		log = log.With("last", e.Error())
	}
	log.Warn("breaker of the model changed", "from", from.String(), "to", to.String())
}

// complainEvery is how often it is said that a human is needed.
const complainEvery = time.Minute

// complain says that a human is needed: the steps that fail for it tell no more than that there
// was no text.
func (m *model) complain(e *requestError) {
	if m.complaints.Allow(struct{}{}, m.now()) {
		m.log.Error("model rejects requests: see ai.api_key, ai.model and the account's quota", "status", e.status)
	}
}

// ask returns the model's answer, or ErrAIUnavailable once the tries are spent.
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
		err = e // without the advice for the retry
	}
	return answer{}, fmt.Errorf("%w: %w", followup.ErrAIUnavailable, err)
}

// try makes one request and says whether another makes sense. Failures are
// counted here; an answer is counted once its text was checked.
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
	if !isRequest { // the breaker's own: open, or half open and busy
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

// flagged reports whether the server does not answer because of what this one text holds. Its
// status is that of a wrong request, but nothing is wrong with key and model.
func flagged(err error) bool {
	e, ok := errors.AsType[*openai.APIError](err)
	return ok && (e.Code == "content_filter" || e.Code == "content_policy_violation" || e.Code == "invalid_prompt")
}

// classify reduces an error of the client to what may be told of it.
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
		e.outcome = outcomeRejected // it is sent as a 429, and no wait helps
	case status == http.StatusTooManyRequests:
		e.outcome = outcomeThrottled
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooEarly:
	case status >= 400 && status < 500:
		e.outcome = outcomeRejected
	}
	return e
}

// retryAfter reads a header in seconds; the form with a date is not in use by
// model servers and reads as nothing said.
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

// errSwitched: the model speaks another protocol from now on.
var errSwitched = errors.New("writer: protocol switched")

// bounded is a transport whose answers end after maxAnswer bytes.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// What follows is no answer, and no deadline ends it.
		_ = resp.Body.Close()
		return nil, errSwitched
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}
