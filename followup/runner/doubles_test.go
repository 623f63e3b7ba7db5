package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// hook is called each time that a certain point is passed. A nil hook does nothing.
type hook func()

func (f hook) call() {
	if f != nil {
		f()
	}
}

// once returns a hook that calls f the first time only.
func once(f func()) hook { return sync.OnceFunc(f) }

// call is one call of the provider, as the provider sees it.
type call struct {
	at       time.Time
	what     string // "ai", or the template's name and parameters
	to       providers.Contact
	attempt  followup.AttemptID
	opaque   string
	accepted bool
}

// sender sends as the gateway's outbound does: pacing, guard, provider call. It calls again only if
// nothing can have been sent.
type sender struct {
	tries int
	pace  time.Duration
	full  func() bool // whether the channel's pacing refuses to let a message wait
	away  outage      // of the store that keeps the pacing
	// resting says that the breaker is open.
	resting bool
	took    time.Duration // that a provider call takes
	pause   time.Duration // before a retry

	rendered, pacing, fencing, fenced, retrying, gaveUp, answered hook

	mu     sync.Mutex
	calls  []call
	script []*providers.Error // results of the next calls; nil: accepted
}

// answers sets the results of the next calls.
func (s *sender) answers(errs ...*providers.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = errs
}

// log returns the provider calls so far.
func (s *sender) log() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]call(nil), s.calls...)
}

func (s *sender) Send(ctx context.Context, _ followup.ChannelID, m providers.Message, guard followup.Guard) (followup.SendResult, error) {
	s.rendered.call()
	if err := s.away.err(); err != nil {
		return followup.SendResult{}, err
	}
	if s.full != nil && s.full() {
		return full()
	}
	if s.resting {
		return followup.SendResult{Err: &providers.Error{Kind: providers.Transient, Retryable: true}}, nil
	}
	if s.pace > 0 {
		if !sleep(ctx, s.pace/2) {
			return followup.SendResult{}, ctx.Err()
		}
		s.pacing.call()
		if !sleep(ctx, s.pace/2) {
			return followup.SendResult{}, ctx.Err()
		}
	}
	var r followup.SendResult
	for try := 1; ; try++ {
		s.fencing.call()
		v, err := guard(ctx, r.Attempt)
		if err != nil || v.Refusal != followup.Allowed {
			return followup.SendResult{Refusal: v.Refusal}, err
		}
		s.fenced.call()
		r.Attempt = v.Attempt
		r.Sent, r.Err = s.provider(m, v)
		if r.Err == nil || !r.Err.Retryable || try >= s.tries {
			break
		}
		time.Sleep(s.pause / 2)
		s.retrying.call()
		if !sleep(ctx, s.pause/2) {
			return r, nil
		}
	}
	if r.Err != nil && r.Err.Retryable {
		s.gaveUp.call()
	}
	s.answered.call()
	return r, nil
}

// fullFor is how long a full channel asks a step to wait.
const fullFor = 16 * time.Second

// full is what Send returns on a full channel.
func full() (followup.SendResult, error) {
	return followup.SendResult{
		Paced: true, Err: &providers.Error{Kind: providers.Throttled, Retryable: true, RetryAfter: fullFor},
	}, nil
}

// provider makes one provider call, with the next result that answers set.
func (s *sender) provider(m providers.Message, v followup.Verdict) (providers.Sent, *providers.Error) {
	time.Sleep(s.took)
	s.mu.Lock()
	defer s.mu.Unlock()
	var e *providers.Error
	if len(s.script) > 0 {
		e, s.script = s.script[0], s.script[1:]
	}
	s.calls = append(s.calls, call{
		at: time.Now(), what: wording(m), to: m.To, attempt: v.Attempt, opaque: v.Opaque, accepted: e == nil || e.MaybeSent,
	})
	return providers.Sent{ID: fmt.Sprintf("wamid.%d", len(s.calls))}, e
}

// wording is a message in short: "ai", or the template's name and parameters.
func wording(m providers.Message) string {
	if !m.IsTemplate() {
		return "ai"
	}
	var t struct {
		Name       string
		Components []struct{ Parameters []struct{ Text string } }
	}
	if err := json.Unmarshal(m.Body["template"], &t); err != nil {
		return err.Error()
	}
	s := t.Name
	for _, c := range t.Components {
		for _, p := range c.Parameters {
			s += " " + p.Text
		}
	}
	return s
}

// sleep waits for d and reports whether ctx was still alive then.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// writer is a model that takes a while, fails as errs says, and keeps the briefs it got.
type writer struct {
	took    time.Duration
	writing hook

	mu     sync.Mutex
	errs   []error
	briefs []followup.Brief
}

func (w *writer) Write(ctx context.Context, b followup.Brief) (string, error) {
	if !sleep(ctx, w.took/2) {
		return "", followup.ErrAIUnavailable
	}
	w.writing.call()
	if !sleep(ctx, w.took/2) {
		return "", followup.ErrAIUnavailable
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.briefs = append(w.briefs, b)
	if len(w.errs) > 0 {
		err := w.errs[0]
		w.errs = w.errs[1:]
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("text %d", len(w.briefs)), nil
}

// asked returns how many texts the model was asked for.
func (w *writer) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.briefs)
}

// templates is a registry of the templates that tell was called with.
type templates struct {
	mu    sync.Mutex
	known map[string]providers.TemplateInfo
	asked hook
	away  outage
	newer func(name string) bool // whether only a newer replica can read the template's entry
}

// tell sets what the registry knows about a template.
func (t *templates) tell(info providers.TemplateInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = map[string]providers.TemplateInfo{}
	}
	t.known[info.Name] = info
}

func (t *templates) Template(_ context.Context, _ followup.ChannelID, name, _ string) (providers.TemplateInfo, bool, error) {
	t.asked.call()
	if err := t.away.err(); err != nil {
		return providers.TemplateInfo{}, false, err
	}
	if t.newer != nil && t.newer(name) {
		return providers.TemplateInfo{}, false, followup.ErrNewer
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	info, ok := t.known[name]
	return info, ok, nil
}

// logRecorder is a log handler that keeps the messages at warning and above.
type logRecorder struct {
	slog.Handler
	mu       *sync.Mutex
	messages []string
	all      strings.Builder // attributes of all messages
}

func (c *logRecorder) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (c *logRecorder) WithAttrs([]slog.Attr) slog.Handler { return c }

func (c *logRecorder) Handle(_ context.Context, r slog.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages = append(c.messages, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintln(&c.all, a)
		return true
	})
	return nil
}

// recordLog makes the runner log to a logRecorder, which it returns.
func (h *harness) recordLog() *logRecorder {
	c := &logRecorder{mu: &h.mu}
	h.params.Logger = slog.New(c)
	return c
}
