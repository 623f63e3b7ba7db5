package outbound_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"wagate/followup"
	"wagate/providers"
)

// Errors of a provider call. After notSent and invalid it is known that nothing was sent; after
// lost it is not known.
var (
	notSent = &providers.Error{Kind: providers.Transient, Code: 131016, Status: 500, Retryable: true}
	lost    = &providers.Error{Kind: providers.Transient, MaybeSent: true}
	invalid = &providers.Error{Kind: providers.Invalid, Code: 100, Status: 400}
)

// allowAll returns a guard that always allows the message, and notes in the diary that it was
// asked.
func (h *harness) allowAll(lead followup.LeadID) followup.Guard {
	return func(_ context.Context, previous followup.AttemptID) (followup.Verdict, error) {
		h.diary.note("guard")
		id := previous
		if id == "" {
			id = lead.Attempt(1)
		}
		return followup.Verdict{Attempt: id, Opaque: id.Opaque(3)}, nil
	}
}

var hello = providers.NewText(providers.Contact{Phone: phone}, "hello")

// TestI5GuardIsAskedLast: the guard is asked after pacing and immediately before the provider call,
// and so again before each retry.
func TestI5GuardIsAskedLast(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script []error
		diary  []string
		err    error
	}{
		"accepted":          {nil, []string{"pace", "guard", "call", "link"}, nil},
		"accepted at retry": {[]error{notSent}, []string{"pace", "guard", "call", "pace", "guard", "call", "link"}, nil},
		"never accepted":    {[]error{notSent, notSent, notSent, nil}, []string{"pace", "guard", "call", "pace", "guard", "call", "pace", "guard", "call"}, notSent},
		"refused for good":  {[]error{invalid, nil}, []string{"pace", "guard", "call"}, invalid},
		"no answer":         {[]error{lost, nil}, []string{"pace", "guard", "call"}, lost},
		"unexpected error":  {[]error{errors.New("odd"), nil}, []string{"pace", "guard", "call"}, nil},
		"lost at retry":     {[]error{notSent, lost, nil}, []string{"pace", "guard", "call", "pace", "guard", "call"}, lost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				h.meta.answers(c.script...)
				lead := followup.NewLeadID()
				r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(lead))
				h.must(err, "Send")
				h.is(h.diary.read(), c.diary, "order")
				h.is(r.Attempt, lead.Attempt(1), "attempt")
				if name == "unexpected error" {
					h.is(r.Err.MaybeSent, true, "may have been sent")
				} else if c.err != nil || r.Err != nil {
					h.is(error(r.Err), c.err, "result")
				}
				for _, m := range h.meta.calls() {
					h.is(m.Opaque, lead.Attempt(1).Opaque(3), "opaque")
				}
			})
		})
	}
}

// TestI5NothingIsSentUnlessGuardAllows: a message that the guard refuses is not sent, whichever try
// it is. Neither is one for which the guard returns an error.
func TestI5NothingIsSentUnlessGuardAllows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verdicts []followup.Verdict
		err      error
		calls    int
		refusal  followup.Refusal
	}{
		"refused at once":                {[]followup.Verdict{{Refusal: followup.RefusedWindow}}, nil, 0, followup.RefusedWindow},
		"refused before the first retry": {[]followup.Verdict{{Attempt: "a"}, {Refusal: followup.RefusedStale}}, nil, 1, followup.RefusedStale},
		"error at once":                  {[]followup.Verdict{{}}, errAway, 0, ""},
		"error before a retry":           {[]followup.Verdict{{Attempt: "a"}, {}}, errAway, 1, ""},
		"refused before the last retry":  {[]followup.Verdict{{Attempt: "a"}, {Attempt: "a"}, {Refusal: followup.RefusedPaused}}, nil, 2, followup.RefusedPaused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				h.meta.answers(notSent, notSent, notSent)
				asked := 0
				r, err := h.service.Send(h.Context(), onMeta, hello, func(_ context.Context, previous followup.AttemptID) (followup.Verdict, error) {
					asked++
					if asked > 1 {
						h.is(previous, followup.AttemptID("a"), "previous attempt")
					}
					if asked == len(c.verdicts) {
						return c.verdicts[asked-1], c.err
					}
					return c.verdicts[asked-1], nil
				})
				h.is(errors.Is(err, c.err), true, "error")
				h.is(r.Refusal, c.refusal, "refusal")
				h.is(len(h.meta.calls()), c.calls, "provider calls")
			})
		})
	}
}

// TestOpenBreakerTakesNoSlot: while the breaker is open, and during its trial, messages take no
// pacing slot.
func TestOpenBreakerTakesNoSlot(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.params.Lines[0].PerSecond, h.params.Lines[0].Burst, h.params.Tries = 10, 10, 1
		h.build()
		send := func() followup.SendResult {
			r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
			h.must(err, "Send")
			return r
		}
		for range 10 {
			h.meta.answers(lost)
			send()
		}
		before := len(h.diary.read())
		h.is(send().Err.RetryAfter, 10*time.Second, "RetryAfter while the breaker is open")
		time.Sleep(10*time.Second + time.Millisecond)
		h.meta.took = time.Second
		var trial sync.WaitGroup
		trial.Go(func() { send() })
		synctest.Wait()
		h.is(send().Err.RetryAfter, 10*time.Second, "RetryAfter during the trial")
		trial.Wait()
		h.is(h.diary.read()[before:], []string{"pace", "guard", "call", "link"}, "steps done since the breaker opened, which are the trial's")
	})
}

// TestRetriesWaitAsTheProviderAsks: a retry waits as long as the provider asks. If that is longer
// than MaxWait the message is handed back to the caller at once.
func TestRetriesWaitAsTheProviderAsks(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.meta.answers(&providers.Error{Kind: providers.Throttled, Retryable: true, RetryAfter: 7 * time.Second})
		began := time.Now()
		r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(r.Err == nil && time.Since(began) == 7*time.Second, true, "sent after 7 s")

		h.meta.answers(&providers.Error{Kind: providers.Throttled, Retryable: true, RetryAfter: 16 * time.Second})
		began = time.Now()
		r, err = h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(r.Err != nil && r.Err.Retryable && time.Since(began) == 0, true, "handed back at once")
	})
}

// TestBreakerOpensAndHidesNoResult: after ten failures in a row the provider is not called for ten
// seconds, then one call tries it. The result of a call that was made is always returned, whatever
// the breaker does.
func TestBreakerOpensAndHidesNoResult(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		var log bytes.Buffer
		h.params.Tries, h.params.Logger = 1, slog.New(slog.NewTextHandler(&log, nil))
		h.build()
		send := func() followup.SendResult {
			r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
			h.must(err, "Send")
			return r
		}
		for range 10 {
			h.meta.answers(&providers.Error{Kind: providers.Transient, MaybeSent: true, Cause: errors.New("await answer: reset")})
			h.is(send().Err.MaybeSent, true, "result of a failing call")
		}
		if want := `state=open`; !strings.Contains(log.String(), want) || !strings.Contains(log.String(), lost.Error()+": await answer: reset") {
			t.Errorf("log: got %s, want state=open and the last failure with its cause", &log)
		}
		calls := len(h.meta.calls())
		r := send()
		h.is([]any{r.Err.Retryable, r.Err.MaybeSent, len(h.meta.calls()), r.Attempt}, []any{true, false, calls, followup.AttemptID("")}, "result while the breaker is open")
		if _, err := h.service.Send(h.Context(), onGupshup, hello, h.allowAll(followup.NewLeadID())); err != nil || len(h.gupshup.calls()) != 1 {
			t.Errorf("another channel: got %v and %d calls, want the message sent", err, len(h.gupshup.calls()))
		}

		time.Sleep(10*time.Second + time.Millisecond)
		refuse := func(context.Context, followup.AttemptID) (followup.Verdict, error) {
			return followup.Verdict{Refusal: followup.RefusedStale}, nil
		}
		for range 3 { // a refusal says nothing about the provider, so the trial is still to be made
			r, err := h.service.Send(h.Context(), onMeta, hello, refuse)
			h.must(err, "Send")
			h.is(r.Refusal, followup.RefusedStale, "refusal while half open")
		}
		h.meta.answers(lost)
		h.is(send().Err.MaybeSent, true, "result of the trial")
		h.is(send().Err.MaybeSent, false, "may have been sent, after a failed trial")
		time.Sleep(10*time.Second + time.Millisecond)
		h.is(send().Err, (*providers.Error)(nil), "error of a trial that succeeds")
		h.is(send().Err, (*providers.Error)(nil), "error after that trial")
	})
}

// TestBreakerIgnoresCallersFaults: throttling is the caller's fault and does not open the breaker.
func TestBreakerIgnoresCallersFaults(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.params.Tries = 1
		h.build()
		for range 30 {
			h.meta.answers(&providers.Error{Kind: providers.Throttled, Status: 429, Retryable: true})
			r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
			h.must(err, "Send")
			h.is(r.Err.Kind, providers.Throttled, "kind")
		}
		h.is(len(h.meta.calls()), 30, "provider calls")
	})
}

// TestI6CallOutlivesItsCaller: a caller that goes away stops a send that has not called the
// provider yet, and the wait for a retry. It does not stop a provider call that has begun, nor what
// follows the call.
func TestI6CallOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		setup  func(h *harness)
		after  time.Duration // when the caller goes
		calls  int
		sent   bool
		failed bool // Send returns an error
	}{
		"before anything":                   {func(*harness) {}, 0, 0, false, true},
		"during pacing":                     {func(h *harness) { h.store.wait = 10 * time.Second }, time.Second, 0, false, true},
		"during the call":                   {func(h *harness) { h.meta.took = 10 * time.Second }, time.Second, 1, true, false},
		"during the wait for a retry":       {func(h *harness) { h.meta.answers(&providers.Error{Retryable: true, RetryAfter: 5 * time.Second}) }, time.Second, 1, false, false},
		"while the message is linked":       {func(h *harness) { h.store.breaks("LinkMessage", 2) }, 100 * time.Millisecond, 1, true, false},
		"during a call that gets no answer": {func(h *harness) { h.meta.took = time.Minute }, time.Second, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				c.setup(h)
				ctx, cancel := context.WithCancel(h.Context())
				if c.after == 0 {
					cancel()
				}
				timer := time.AfterFunc(c.after, cancel)
				defer timer.Stop()
				r, err := h.service.Send(ctx, onMeta, hello, h.allowAll(followup.NewLeadID()))
				h.is(err != nil, c.failed, "error")
				h.is(len(h.meta.calls()), c.calls, "provider calls that were answered")
				h.is(r.Sent.ID != "", c.sent, "message id returned")
				if name == "during a call that gets no answer" {
					h.is(r.Err.MaybeSent, true, "a call without answer may have been sent")
				}
				cancel()
				synctest.Wait()
			})
		})
	}
}

// TestI4LateVerdictIsAskedForAgain: if the window has closed by the time the guard's verdict
// arrives, the guard is asked again.
func TestI4LateVerdictIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		closes time.Duration // from when the guard is first asked; 0: the message needs no window
		again  followup.Verdict
		asked  int
		calls  int
	}{
		"the window has closed":   {time.Second, followup.Verdict{Refusal: followup.RefusedWindow}, 2, 0},
		"it closes as it arrives": {2 * time.Second, followup.Verdict{Refusal: followup.RefusedWindow}, 2, 0},
		"the lead wrote again":    {time.Second, followup.Verdict{Attempt: "1.2", Closes: time.Unix(1<<40, 0)}, 2, 1},
		"it is still open":        {2*time.Second + 1, followup.Verdict{}, 1, 1},
		"not free-form text":      {0, followup.Verdict{}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				var asked []followup.AttemptID
				first := followup.Verdict{Attempt: "1.1"}
				if c.closes > 0 {
					first.Closes = time.Now().Add(c.closes)
				}
				r, err := h.service.Send(h.Context(), onMeta, hello,
					func(_ context.Context, previous followup.AttemptID) (followup.Verdict, error) {
						if asked = append(asked, previous); len(asked) > 1 {
							return c.again, nil
						}
						time.Sleep(2 * time.Second)
						return first, nil
					})
				h.must(err, "Send")
				h.is(asked, []followup.AttemptID{"", "1.1"}[:c.asked], "previous attempts the guard was given")
				h.is(len(h.meta.calls()), c.calls, "provider calls")
				h.is(r.Refusal, c.again.Refusal, "refusal")
			})
		})
	}
}

// TestI6OldVerdictIsAskedForAgain: if a verdict is so old that the step's lease may end before the
// provider call does, the guard is asked again. The process may have been suspended, and another
// may have taken over the step.
func TestI6OldVerdictIsAskedForAgain(t *testing.T) {
	t.Parallel()
	const wait = 15 * time.Second
	for name, c := range map[string]struct {
		first, second time.Duration // how long the guard takes to answer
		then          followup.Verdict
		asked, calls  int
	}{
		"step taken over": {wait + 1, 0, followup.Verdict{Refusal: followup.RefusedStale}, 2, 0},
		"step still ours": {wait + 1, wait, followup.Verdict{Attempt: "1.2"}, 2, 1},
		"not too old":     {wait, 0, followup.Verdict{}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				var asked []followup.AttemptID
				r, err := h.service.Send(h.Context(), onMeta, hello,
					func(_ context.Context, previous followup.AttemptID) (followup.Verdict, error) {
						if asked = append(asked, previous); len(asked) > 1 {
							time.Sleep(c.second)
							return c.then, nil
						}
						time.Sleep(c.first)
						return followup.Verdict{Attempt: "1.1"}, nil
					})
				h.must(err, "Send")
				h.is(asked, []followup.AttemptID{"", "1.1"}[:c.asked], "previous attempts the guard was given")
				h.is(len(h.meta.calls()), c.calls, "provider calls")
				h.is(r.Refusal, c.then.Refusal, "refusal")
			})
		})
	}
}

// TestI7ParkedReceiptsAreSettled: a receipt that arrived before the provider's answer is settled
// after the answer, even if a call to the store fails once in between.
func TestI7ParkedReceiptsAreSettled(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"", "LinkMessage", "LinkMessage's answer", "Settle"} {
		t.Run("failing once: "+method, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				lead := h.wrote(followup.Identity{Phone: phone})
				park := &followup.Parked{Channel: onMeta, At: time.Now(), Receipt: followup.Receipt{
					State: providers.StatusFailed, Kind: providers.WindowClosed,
				}}
				_, err := h.store.Message(h.Context(), tenant, "wamid.1", park)
				h.is(err, followup.ErrNotFound, "receipt parked")
				if method != "" {
					h.store.breaks(method, 1)
				}
				h.is(h.post(number, text(phone), "").Status, 200, "status")
				l, err := h.store.Lead(h.Context(), tenant, lead)
				h.must(err, "Lead")
				h.is(l.WindowOpen(onMeta, time.Now()), false, "window open after the parked receipt")
				ref, err := h.store.Message(h.Context(), tenant, "wamid.1", nil)
				h.must(err, "Message")
				h.is([]any{ref.Attempt, ref.ProviderID}, []any{lead.Attempt(1), "wamid.1"}, "link")
			})
		})
	}
}

// TestI7UnlinkedMessageIsAnsweredAsSent: a message that was sent is answered as sent, even if its
// id cannot be linked.
func TestI7UnlinkedMessageIsAnsweredAsSent(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.store.breaks("LinkMessage", 1000)
		r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(r.Sent.ID, "wamid.1", "id")
	})
}

// TestMessageLinkedByNewerReplicaIsNotRetried: if a newer replica has already written what is known
// of the message, in a format that this one cannot read, linking it is not retried.
func TestMessageLinkedByNewerReplicaIsNotRetried(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.store.newer = true
		began := time.Now()
		r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(r.Sent.ID, "wamid.1", "id")
		h.is(time.Since(began), time.Duration(0), "time until answered")
	})
}

// TestUnknownChannelIsOperatorTrouble: a send on a channel that is not in the operator file fails
// as operator trouble, without any step of a send.
func TestUnknownChannelIsOperatorTrouble(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		r, err := h.service.Send(h.Context(), "gone", hello, h.allowAll(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(r.Err.Kind, providers.Operator, "kind")
		h.is(len(h.diary.read()), 0, "steps of a send")
	})
}

// TestSendsAreCounted: every series of the metrics exists from the start, and each send is counted
// by its outcome.
func TestSendsAreCounted(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.is(testutil.CollectAndCount(h.registry, "wagate_sends_total"), 2*5*(2+len(providers.ErrorKinds)), "series from start")
		h.is(testutil.CollectAndCount(h.registry, "wagate_send_duration_seconds"), 2, "histograms from start")
		h.meta.answers(notSent, nil, lost, invalid)
		for range 3 {
			_, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
			h.must(err, "Send")
		}
		got := map[string]float64{}
		families, err := h.registry.Gather()
		h.must(err, "Gather")
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if v := m.GetCounter().GetValue(); f.GetName() == "wagate_sends_total" && v != 0 {
					key := ""
					for _, l := range m.GetLabel() {
						key += l.GetValue() + " "
					}
					got[key] = v
				}
			}
		}
		h.is(got, map[string]float64{
			"text transient meta ": 1, "text sent meta ": 1, "text uncertain meta ": 1, "text invalid meta ": 1,
		}, "counters above zero")
	})
}
