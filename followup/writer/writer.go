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

// Params are the settings of a Writer.
type Params struct {
	BaseURL string // up to and including /v1
	APIKey  string // may be empty for a server that asks for none
	Model   string
	// Timeout bounds one request; default 20 s.
	Timeout time.Duration
	// Concurrency bounds the requests under way; default 16. Tenants take turns.
	Concurrency int
	// Tries bounds the requests for one answer; default 3.
	Tries uint
	// BackOff makes the waits between them; default 500 ms, growing by half, with jitter.
	BackOff func() backoff.BackOff
	// Transport makes the connections; default newTransport's.
	Transport http.RoundTripper
	// Now measures how long requests take; default time.Now.
	Now func() time.Time

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// attempts is how often the model is asked for a text that can be sent.
const attempts = 2

// Writer writes texts with a model. It implements followup.Writer.
type Writer struct {
	model   *model
	metrics *metrics
	log     *slog.Logger
}

var _ followup.Writer = (*Writer)(nil)

// New returns a Writer; it makes no request yet.
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

// Write returns a text that may be sent as it is, or followup.ErrAIUnavailable
// or followup.ErrAIUnusable.
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
		messages = append(messages, again(answer.text, fault)...)
	}
	return "", fmt.Errorf("%w: %s", followup.ErrAIUnusable, string(fault))
}

// again continues a conversation whose last text could not be sent.
func again(text string, f fault) []openai.ChatCompletionMessage {
	var out []openai.ChatCompletionMessage
	if text != "" {
		out = append(out, openai.ChatCompletionMessage{Role: openai.ChatMessageRoleAssistant, Content: cut(text, 2*maxLength)})
	}
	return append(out, openai.ChatCompletionMessage{
		Role:    openai.ChatMessageRoleUser,
		Content: objection(f),
	})
}
