package writer

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	openai "github.com/sashabaranov/go-openai"

	"wagate/followup"
)

// Params are the settings of a Writer. Only BaseURL and Model are required.
type Params struct {
	BaseURL string // including /v1
	APIKey  string // empty for a server that needs none
	Model   string
	// Timeout bounds one request. Default 20 s.
	Timeout time.Duration
	// Concurrency bounds the requests in progress. Default 16. Tenants take turns.
	Concurrency int
	// Tries bounds the requests for one answer. Default 3.
	Tries uint
	// BackOff returns the waits between the tries. Default: exponential from 500 ms, growing by
	// half, with jitter.
	BackOff func() backoff.BackOff
	// Transport makes the connections. Default: see newTransport.
	Transport http.RoundTripper
	// Now is the clock that measures how long requests take. Default time.Now.
	Now func() time.Time

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// attempts is how often the model is asked for a text that passes the checks.
const attempts = 2

// Writer writes texts with a model. It implements followup.Writer and is safe for concurrent use.
type Writer struct {
	model   *model
	metrics *metrics
	log     *slog.Logger
}

var _ followup.Writer = (*Writer)(nil)

// New returns a Writer. It makes no request yet.
func New(p Params) *Writer {
	p.Timeout = cmp.Or(p.Timeout, 20*time.Second)
	p.Concurrency = cmp.Or(p.Concurrency, 16)
	p.Tries = cmp.Or(p.Tries, 3)
	if p.BackOff == nil {
		p.BackOff = func() backoff.BackOff { return backoff.NewExponentialBackOff() }
	}
	if p.Transport == nil {
		p.Transport = newTransport(p.Concurrency)
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.Registerer == nil {
		p.Registerer = prometheus.NewRegistry()
	}
	w := &Writer{metrics: newMetrics(p.Registerer), log: p.Logger.With("component", "writer")}
	w.model = newModel(p, w.metrics, w.log)
	return w
}

// Write returns a text that may be sent as it is. Its error matches followup.ErrAIUnavailable or
// followup.ErrAIUnusable.
func (w *Writer) Write(ctx context.Context, b followup.Brief) (string, error) {
	messages := compose(b)
	var fault fault
	for range attempts {
		answer, err := w.model.ask(ctx, b.Lead.Tenant, messages)
		if err != nil {
			return "", err
		}
		text := clean(answer.text)
		fault = answer.fault
		if fault == "" {
			fault = check(text, b)
		}
		if fault == "" {
			w.metrics.request(outcomeOK)
			return text, nil
		}
		w.metrics.request(outcomeUnusable)
		w.log.Debug("model's text unusable", "fault", string(fault))
		messages = append(messages, retryMessages(answer.text, fault)...)
	}
	return "", fmt.Errorf("%w: %s", followup.ErrAIUnusable, string(fault))
}

// retryMessages returns the messages that continue a conversation whose last text failed the
// checks.
func retryMessages(text string, f fault) []openai.ChatCompletionMessage {
	var out []openai.ChatCompletionMessage
	if text != "" {
		out = append(out, openai.ChatCompletionMessage{Role: openai.ChatMessageRoleAssistant, Content: cut(text, 2*maxLength)})
	}
	return append(out, openai.ChatCompletionMessage{
		Role:    openai.ChatMessageRoleUser,
		Content: objection(f),
	})
}
