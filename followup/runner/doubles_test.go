package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/providers"
)

// hook is called at one point of a passage, every time it is passed.
type hook func()

func (f hook) call() {
	if f != nil {
		f()
	}
}

// once makes a hook of something that happens the first time only.
func once(f func()) hook { return sync.OnceFunc(f) }

var errAway = errors.New("store away")

// trouble is an error that comes as long as it is switched on.
type trouble struct {
	mu    sync.Mutex
	times int // how often yet; below 0: always
}

func (t *trouble) set(times int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.times = times
}

func (t *trouble) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.times == 0 {
		return nil
	}
	t.times--
	return errAway
}

// store is the reference store with hooks and switches.
type store struct {
	*memstore.Store
	claims, guards, finishes, releases, histories, ladders, runs, extends, records trouble
	// unheard makes FinishStep fail after it has written.
	unheard trouble

	answering hook             // a claim is made and not heard of yet
	gone      bool             // every ladder is
	reads     atomic.Int32     // of ladders
	claimed   hook             // a claim brought steps
	ended     []followup.Ended // what the first claim tells besides
	tell      sync.Once
	finishing hook
	extending hook
}

func (s *store) Claim(ctx context.Context, c followup.ClaimParams) (followup.Batch, error) {
	if err := s.claims.err(); err != nil {
		return followup.Batch{}, err
	}
	b, err := s.Store.Claim(ctx, c)
	s.answering.call()
	if ctx.Err() != nil { // a client that was told to give up does not hear what it claimed
		return followup.Batch{}, ctx.Err()
	}
	s.tell.Do(func() { b.Ended = append(b.Ended, s.ended...) })
	if len(b.Steps) > 0 {
		s.claimed.call()
	}
	return b, err
}

func (s *store) GuardStep(ctx context.Context, g followup.GuardStep) (followup.Verdict, error) {
	if err := s.guards.err(); err != nil {
		return followup.Verdict{}, err
	}
	return s.Store.GuardStep(ctx, g)
}

func (s *store) FinishStep(ctx context.Context, f followup.FinishStep) (followup.Finished, error) {
	s.finishing.call()
	if err := s.finishes.err(); err != nil {
		return followup.Finished{}, err
	}
	done, err := s.Store.FinishStep(ctx, f)
	if err == nil {
		err = s.unheard.err()
	}
	return done, err
}

func (s *store) ExtendStep(ctx context.Context, id followup.RunID, token string, real time.Time, lease time.Duration) error {
	s.extending.call()
	if err := s.extends.err(); err != nil {
		return err
	}
	return s.Store.ExtendStep(ctx, id, token, real, lease)
}

func (s *store) Run(ctx context.Context, t followup.TenantID, id followup.RunID) (followup.Run, error) {
	if err := s.runs.err(); err != nil {
		return followup.Run{}, err
	}
	return s.Store.Run(ctx, t, id)
}

func (s *store) RecordSend(ctx context.Context, r followup.RecordSend) error {
	if err := s.records.err(); err != nil {
		return err
	}
	return s.Store.RecordSend(ctx, r)
}

func (s *store) ReleaseStep(ctx context.Context, id followup.RunID, token string, until time.Time) error {
	if err := s.releases.err(); err != nil {
		return err
	}
	return s.Store.ReleaseStep(ctx, id, token, until)
}

func (s *store) History(ctx context.Context, l followup.LeadID, c followup.ChannelID, now time.Time) ([]followup.Entry, error) {
	if err := s.histories.err(); err != nil {
		return nil, err
	}
	return s.Store.History(ctx, l, c, now)
}

func (s *store) Ladder(ctx context.Context, t followup.TenantID, h followup.LadderHash) (followup.Ladder, error) {
	s.reads.Add(1)
	if err := s.ladders.err(); err != nil {
		return followup.Ladder{}, err
	}
	if s.gone {
		return followup.Ladder{}, followup.ErrNotFound
	}
	return s.Store.Ladder(ctx, t, h)
}

// call is one provider call as the provider's log has it.
type call struct {
	at       time.Time
	what     string // "ai" or the template's name, with its parameters
	attempt  followup.AttemptID
	opaque   string
	accepted bool
}

// sender sends as outbound does: pacing, guard, call, again only if nothing
// can have been sent.
type sender struct {
	tries int
	pace  time.Duration
	took  time.Duration // by a provider call
	pause time.Duration // before a retry

	rendered, pacing, fencing, fenced, retrying, gaveUp, answered hook

	mu     sync.Mutex
	calls  []call
	script []*providers.Error // results of the calls to come; nil: accepted
}

// answers scripts the results of the calls to come.
func (s *sender) answers(errs ...*providers.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = errs
}

func (s *sender) log() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]call(nil), s.calls...)
}

func (s *sender) Send(ctx context.Context, _ followup.ChannelID, m providers.Message, guard followup.Guard) (followup.SendResult, error) {
	s.rendered.call()
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

func (s *sender) provider(m providers.Message, v followup.Verdict) (providers.Sent, *providers.Error) {
	time.Sleep(s.took)
	s.mu.Lock()
	defer s.mu.Unlock()
	var e *providers.Error
	if len(s.script) > 0 {
		e, s.script = s.script[0], s.script[1:]
	}
	s.calls = append(s.calls, call{
		at: time.Now(), what: wording(m), attempt: v.Attempt, opaque: v.Opaque, accepted: e == nil || e.MaybeSent,
	})
	return providers.Sent{ID: fmt.Sprintf("wamid.%d", len(s.calls))}, e
}

// wording is what a message says, in short.
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

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// writer is a model that takes its time.
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

func (w *writer) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.briefs)
}

// templates is a registry that knows what it is told.
type templates struct {
	mu    sync.Mutex
	known map[string]providers.TemplateInfo
	asked hook
}

func (t *templates) tell(info providers.TemplateInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = map[string]providers.TemplateInfo{}
	}
	t.known[info.Name] = info
}

func (t *templates) Template(_ context.Context, _ followup.ChannelID, name, _ string) (providers.TemplateInfo, bool) {
	t.asked.call()
	t.mu.Lock()
	defer t.mu.Unlock()
	info, ok := t.known[name]
	return info, ok
}

// complaints is a log that keeps what is said at warning and above.
type complaints struct {
	slog.Handler
	mu   sync.Mutex
	said []string
	all  strings.Builder // with the attributes
}

func (c *complaints) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (c *complaints) WithAttrs([]slog.Attr) slog.Handler { return c }

func (c *complaints) Handle(_ context.Context, r slog.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintln(&c.all, a)
		return true
	})
	return nil
}

// complaints makes the runner log to one, which it returns.
func (h *harness) complaints() *complaints {
	c := &complaints{}
	h.params.Logger = slog.New(c)
	return c
}
