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

// The errors by which a call is known to have sent nothing, or not known.
var (
	notSent = &providers.Error{Kind: providers.Transient, Code: 131016, Status: 500, Retryable: true}
	lost    = &providers.Error{Kind: providers.Transient, MaybeSent: true}
	invalid = &providers.Error{Kind: providers.Invalid, Code: 100, Status: 400}
)

// allowAll is a guard that always allows, and notes that it was asked.
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

// The guard is asked last: after pacing, right before the call, and again
// before each call.
func TestI5GuardIsAskedLast(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script []error
		diary  []string
		err    error
	}{
		"accepted":           {nil, []string{"pace", "guard", "call", "link"}, nil},
		"at the second try":  {[]error{notSent}, []string{"pace", "guard", "call", "pace", "guard", "call", "link"}, nil},
		"never":              {[]error{notSent, notSent, notSent, nil}, []string{"pace", "guard", "call", "pace", "guard", "call", "pace", "guard", "call"}, notSent},
		"refused for good":   {[]error{invalid, nil}, []string{"pace", "guard", "call"}, invalid},
		"no answer":          {[]error{lost, nil}, []string{"pace", "guard", "call"}, lost},
		"not a known error":  {[]error{errors.New("odd"), nil}, []string{"pace", "guard", "call"}, nil},
		"lost at second try": {[]error{notSent, lost, nil}, []string{"pace", "guard", "call", "pace", "guard", "call"}, lost},
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
				if name == "not a known error" {
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

// What the guard refuses is not sent, whenever it refuses; if it cannot be
// asked, nothing is sent either.
func TestI5NothingIsSentUnlessGuardAllows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verdicts []followup.Verdict
		err      error
		calls    int
		refusal  followup.Refusal
	}{
		"at once":           {[]followup.Verdict{{Refusal: followup.RefusedWindow}}, nil, 0, followup.RefusedWindow},
		"before a retry":    {[]followup.Verdict{{Attempt: "a"}, {Refusal: followup.RefusedStale}}, nil, 1, followup.RefusedStale},
		"not to be asked":   {[]followup.Verdict{{}}, errAway, 0, ""},
		"later not to be":   {[]followup.Verdict{{Attempt: "a"}, {}}, errAway, 1, ""},
		"the last time too": {[]followup.Verdict{{Attempt: "a"}, {Attempt: "a"}, {Refusal: followup.RefusedPaused}}, nil, 2, followup.RefusedPaused},
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

// While the breaker lets nobody through, nobody takes a slot.
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
		h.is(send().Err.RetryAfter, 10*time.Second, "retry after, while open")
		time.Sleep(10*time.Second + time.Millisecond)
		h.meta.took = time.Second
		var trial sync.WaitGroup
		trial.Go(func() { send() })
		synctest.Wait()
		h.is(send().Err.RetryAfter, 10*time.Second, "retry after, during the trial")
		trial.Wait()
		h.is(h.diary.read()[before:], []string{"pace", "guard", "call", "link"}, "what was done: the trial")
	})
}

// A retry waits at least as long as the provider asks; longer than MaxWait is
// for the caller to wait.
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

// After ten failures of the provider in a row nothing is asked of it for ten
// seconds; then one call tries. A result is never swallowed by the breaker.
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
			t.Errorf("log: got %s, want the breaker open, and why", &log)
		}
		calls := len(h.meta.calls())
		r := send()
		h.is([]any{r.Err.Retryable, r.Err.MaybeSent, len(h.meta.calls()), r.Attempt}, []any{true, false, calls, followup.AttemptID("")}, "while open")
		if _, err := h.service.Send(h.Context(), onGupshup, hello, h.allowAll(followup.NewLeadID())); err != nil || len(h.gupshup.calls()) != 1 {
			t.Errorf("another channel: got %v and %d calls, want it to be sent", err, len(h.gupshup.calls()))
		}

		time.Sleep(10*time.Second + time.Millisecond)
		refuse := func(context.Context, followup.AttemptID) (followup.Verdict, error) {
			return followup.Verdict{Refusal: followup.RefusedStale}, nil
		}
		for range 3 { // says nothing about the provider: the trial is still to be made
			r, err := h.service.Send(h.Context(), onMeta, hello, refuse)
			h.must(err, "Send")
			h.is(r.Refusal, followup.RefusedStale, "refusal while half open")
		}
		h.meta.answers(lost)
		h.is(send().Err.MaybeSent, true, "result of the trial")
		h.is(send().Err.MaybeSent, false, "after a trial that failed")
		time.Sleep(10*time.Second + time.Millisecond)
		h.is(send().Err, (*providers.Error)(nil), "a trial that succeeds")
		h.is(send().Err, (*providers.Error)(nil), "after it")
	})
}

// What is wrong with the message or the rate says nothing about the provider.
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

// A caller that goes away stops what has not begun, and nothing that has.
func TestI6CallOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		setup  func(h *harness)
		after  time.Duration // when the caller goes
		calls  int
		sent   bool
		failed bool // Send returns an error
	}{
		"before anything":        {func(*harness) {}, 0, 0, false, true},
		"in pacing":              {func(h *harness) { h.store.wait = 10 * time.Second }, time.Second, 0, false, true},
		"in the call":            {func(h *harness) { h.meta.took = 10 * time.Second }, time.Second, 1, true, false},
		"in the wait to retry":   {func(h *harness) { h.meta.answers(&providers.Error{Retryable: true, RetryAfter: 5 * time.Second}) }, time.Second, 1, false, false},
		"while it is linked":     {func(h *harness) { h.store.breaks("LinkMessage", 2) }, 100 * time.Millisecond, 1, true, false},
		"while the call is slow": {func(h *harness) { h.meta.took = time.Minute }, time.Second, 0, false, false},
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
				h.is(r.Sent.ID != "", c.sent, "sent")
				if name == "while the call is slow" {
					h.is(r.Err.MaybeSent, true, "a call without answer may have been sent")
				}
				cancel()
				synctest.Wait()
			})
		})
	}
}

// A yes of the guard that is so long on its way that the window has closed is none.
func TestI4LateVerdictIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		closes time.Duration // after the guard was asked first; 0: that is nothing to the message
		again  followup.Verdict
		asked  int
		calls  int
	}{
		"the window has closed":   {time.Second, followup.Verdict{Refusal: followup.RefusedWindow}, 2, 0},
		"at that very instant":    {2 * time.Second, followup.Verdict{Refusal: followup.RefusedWindow}, 2, 0},
		"the lead wrote":          {time.Second, followup.Verdict{Attempt: "1.2", Closes: time.Unix(1<<40, 0)}, 2, 1},
		"it is open still":        {2*time.Second + 1, followup.Verdict{}, 1, 1},
		"it is no free-form text": {0, followup.Verdict{}, 1, 1},
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
				h.is(asked, []followup.AttemptID{"", "1.1"}[:c.asked], "asked for the attempts")
				h.is(len(h.meta.calls()), c.calls, "provider calls")
				h.is(r.Refusal, c.again.Refusal, "refusal")
			})
		})
	}
}

// A yes of the guard is none when the step's lease may end before the call does: the
// process may have stood still, and another have taken the step over.
func TestI6OldVerdictIsAskedForAgain(t *testing.T) {
	t.Parallel()
	const wait = 15 * time.Second
	for name, c := range map[string]struct {
		first, second time.Duration // how long the guard's answers are on their way
		then          followup.Verdict
		asked, calls  int
	}{
		"taken over since":   {wait + 1, 0, followup.Verdict{Refusal: followup.RefusedStale}, 2, 0},
		"still the worker's": {wait + 1, wait, followup.Verdict{Attempt: "1.2"}, 2, 1},
		"not too old":        {wait, 0, followup.Verdict{}, 1, 1},
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
				h.is(asked, []followup.AttemptID{"", "1.1"}[:c.asked], "asked for the attempts")
				h.is(len(h.meta.calls()), c.calls, "provider calls")
				h.is(r.Refusal, c.then.Refusal, "refusal")
			})
		})
	}
}

// A receipt that was faster than the answer is settled once the answer is
// there, even if the store stumbles between the two.
func TestI7ParkedReceiptsAreSettled(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"", "LinkMessage", "LinkMessage's answer", "Settle"} {
		t.Run("trouble with "+method, func(t *testing.T) {
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

// A message that left is answered as sent although its id could not be linked.
func TestI7UnlinkedMessageIsAnsweredAsSent(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.store.breaks("LinkMessage", 1000)
		r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(r.Sent.ID, "wamid.1", "id")
	})
}

// One that a newer replica has heard of before its answer came is its own to link: nobody
// waits for that.
func TestMessageLinkedByNewerReplicaIsNotRetried(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.store.newer = true
		began := time.Now()
		r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(r.Sent.ID, "wamid.1", "id")
		h.is(time.Since(began), time.Duration(0), "sent after")
	})
}

// Who asks for a channel that the file does not list does so in vain.
func TestUnknownChannelIsOperatorTrouble(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		r, err := h.service.Send(h.Context(), "gone", hello, h.allowAll(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(r.Err.Kind, providers.Operator, "kind")
		h.is(len(h.diary.read()), 0, "things done")
	})
}

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
		}, "counted")
	})
}
