package runner_test

import (
	"context"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// hung is a store of which one call does not answer before it is told to give up.
type hung struct {
	*store
	call string
}

func (s hung) wait(ctx context.Context, call string) error {
	if s.call != call {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s hung) FinishStep(ctx context.Context, f followup.FinishStep) (followup.Finished, error) {
	if err := s.wait(ctx, "finish"); err != nil {
		return followup.Finished{}, err
	}
	return s.store.FinishStep(ctx, f)
}

func (s hung) ReleaseStep(ctx context.Context, r followup.ReleaseStep) error {
	if err := s.wait(ctx, "release"); err != nil {
		return err
	}
	return s.store.ReleaseStep(ctx, r)
}

func (s hung) RecordSend(ctx context.Context, r followup.RecordSend) error {
	if err := s.wait(ctx, "record"); err != nil {
		return err
	}
	return s.store.RecordSend(ctx, r)
}

// A stop waits for a result to be recorded, and for a step to be given back, but
// not for ever; the log says what is left to the lease.
func TestI7AStopIsBoundedWhileTheStoreHangs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at   func(h *harness) *hook
		took time.Duration
		says string
	}{
		"finish":  {func(h *harness) *hook { return &h.sender.answered }, 45 * time.Second, "outcome of a step not recorded"},
		"release": {func(h *harness) *hook { return &h.writer.writing }, 3 * time.Second, "step not given back, its lease will run out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.params.Store = hung{h.store, name}
				h.writer.took = time.Second
				log := h.complaints()
				passed := make(chan struct{})
				*c.at(h) = once(func() { close(passed) })
				h.begin(seed[0])
				<-passed
				began := time.Now()
				h.stopNow()
				h.is(time.Since(began), c.took, "Stop took")
				h.is(log.said, []string{c.says}, "complaints")
			})
		})
	}
}

// The template that goes in a refused text's place does not wait long for a
// store that does not record the refusal; the result closes the window then.
func TestI4AnUnrecordedRefusalHoldsNothingUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer *providers.Error // to the template
		sent   []string
		story  string
	}{
		"sent":     {nil, []string{"30m3s come_back"}, "1 template sent/template"},
		"rejected": {&providers.Error{Kind: providers.TemplateError, Status: 400}, nil, "1 template failed/template_rejected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.params.Store = hung{h.store, "record"}
				log := h.complaints()
				h.sender.answers(windowClosed, c.answer)
				run := h.begin(seed[0], comeBack)
				h.until(hours)
				h.sent(c.sent...)
				h.is(h.story(run)[0], c.story, "first step")
				h.is(h.open(), false, "window open")
				h.is(log.said, []string{"closed window not recorded yet"}, "complaints")
			})
		})
	}
}

// A refusal is recorded although the store stumbles: the template in the text's
// place is put off then, and must not find the window open.
func TestI4ARefusalIsRecordedAgain(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.store.records.set(1)
		h.sender.tries = 1
		h.sender.answers(windowClosed, notSent)
		h.begin(followup.Step{Interval: "PT30M", Prompt: "x", TemplateName: "own", TemplateLanguage: "pt_BR"})
		h.until(30*minutes + 30*time.Second)
		h.is(h.open(), false, "window open while the step is put off")
		h.until(hours)
		h.is(h.writer.asked(), 1, "requests to the model")
	})
}

// nowhere is a store whose lead is not where a refusal is to be recorded.
type nowhere struct {
	*store
	err error
}

func (n nowhere) RecordSend(context.Context, followup.RecordSend) error { return n.err }

// A refusal that there is no place for any more, as the lead was merged or
// erased, is not told again and again, and is no trouble.
func TestARefusalOfALeadThatIsGoneIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, gone := range []error{followup.ErrNotFound, followup.ErrLeadMoved} {
		t.Run(gone.Error(), func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.params.Store = nowhere{h.store, gone}
				log := h.complaints()
				h.sender.answers(windowClosed)
				h.begin(seed[0], comeBack)
				h.until(hours)
				h.sent("30m0s come_back")
				h.is(log.said, []string(nil), "complaints")
			})
		})
	}
}
