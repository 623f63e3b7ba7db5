package runner_test

import (
	"context"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// hangingStore is a store of which one method hangs until its context ends.
type hangingStore struct {
	*store
	call string
}

// wait hangs until ctx ends if call is the one that hangs.
func (s hangingStore) wait(ctx context.Context, call string) error {
	if s.call != call {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s hangingStore) FinishStep(ctx context.Context, f followup.FinishStep) (followup.Finished, error) {
	if err := s.wait(ctx, "finish"); err != nil {
		return followup.Finished{}, err
	}
	return s.store.FinishStep(ctx, f)
}

func (s hangingStore) ReleaseStep(ctx context.Context, r followup.ReleaseStep) error {
	if err := s.wait(ctx, "release"); err != nil {
		return err
	}
	return s.store.ReleaseStep(ctx, r)
}

func (s hangingStore) RecordSend(ctx context.Context, r followup.RecordSend) error {
	if err := s.wait(ctx, "record"); err != nil {
		return err
	}
	return s.store.RecordSend(ctx, r)
}

// A stop waits a bounded time for a result to be recorded or a step to be released. The log says
// what is left to the lease.
func TestI7StopBoundedWhileStoreHangs(t *testing.T) {
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
				h.params.Store = hangingStore{h.store, name}
				h.writer.took = time.Second
				log := h.recordLog()
				passed := make(chan struct{})
				*c.at(h) = once(func() { close(passed) })
				h.armAndStart(sample[0])
				<-passed
				began := time.Now()
				h.stopNow()
				h.equal(time.Since(began), c.took, "Stop took")
				h.equal(log.messages, []string{c.says}, "warnings and errors logged")
			})
		})
	}
}

// If the store does not record that the provider refused a text for the window, the template that
// is sent instead is delayed by three seconds only, and its result closes the window.
func TestI4UnrecordedRefusalDelaysNothing(t *testing.T) {
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
				h.params.Store = hangingStore{h.store, "record"}
				log := h.recordLog()
				h.sender.answers(windowClosed, c.answer)
				run := h.armAndStart(sample[0], comeBack)
				h.until(hours)
				h.wantSent(c.sent...)
				h.equal(h.timeline(run)[0], c.story, "timeline of the first step")
				h.equal(h.windowOpen(), false, "window is open")
				h.equal(log.messages, []string{"closed window not recorded yet"}, "warnings and errors logged")
			})
		})
	}
}

// The record of a refusal is tried again, so that a template that is put off does
// not find the window open.
func TestI4RefusalRecordIsRetried(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.store.records.set(1)
		h.sender.tries = 1
		h.sender.answers(windowClosed, notSent)
		h.armAndStart(followup.Step{Interval: "PT30M", Prompt: "x", TemplateName: "own", TemplateLanguage: "pt_BR"})
		h.until(30*minutes + 30*time.Second)
		h.equal(h.windowOpen(), false, "window is open while the step is put off")
		h.until(hours)
		h.equal(h.writer.asked(), 1, "requests to the model")
	})
}

// goneLead is a store that cannot record a refusal because the lead is gone.
type goneLead struct {
	*store
	err error
}

func (n goneLead) RecordSend(context.Context, followup.RecordSend) error { return n.err }

// A refusal that cannot be recorded because the lead was merged or erased delays
// nothing and is not logged.
func TestRefusalOfGoneLeadIsNotLogged(t *testing.T) {
	t.Parallel()
	for _, gone := range []error{followup.ErrNotFound, followup.ErrLeadMoved} {
		t.Run(gone.Error(), func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.params.Store = goneLead{h.store, gone}
				log := h.recordLog()
				h.sender.answers(windowClosed)
				h.armAndStart(sample[0], comeBack)
				h.until(hours)
				h.wantSent("30m0s come_back")
				h.equal(log.messages, []string(nil), "warnings and errors logged")
			})
		})
	}
}
