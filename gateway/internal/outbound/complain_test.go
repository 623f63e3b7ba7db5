package outbound_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// TestOperatorTroubleIsLogged: trouble that only the operator can end is logged as an error, at
// most once a minute and channel, whether an answer or a receipt reports it. Throttling is logged
// as a warning, at the same rate. No other kind of error is logged.
func TestOperatorTroubleIsLogged(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		var out bytes.Buffer
		h.params.Logger = slog.New(slog.NewTextHandler(&out, nil))
		h.build()
		// told checks what was logged since it was last called: one line per want, with want in it.
		told := func(when string, want ...string) {
			h.Helper()
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if out.Len() == 0 {
				lines = nil
			}
			out.Reset()
			h.is(len(lines), len(want), when+": lines in the log")
			for i, line := range lines {
				if i < len(want) && !strings.Contains(line, want[i]) {
					h.Errorf("%s: got %s, want %s", when, line, want[i])
				}
			}
		}
		empty := &providers.Error{Kind: providers.Operator, Code: 1003}
		h.service.Complain(onGupshup, empty)
		const refuses = `level=ERROR msg="provider refuses the channel: token, payment or policy" component=outbound channel=`
		const throttles = `level=WARN msg="provider throttles the channel's messages" component=outbound channel=`
		told("after a receipt", refuses+string(onGupshup)+" provider=gupshup code=1003")
		h.service.Complain(onGupshup, empty)
		told("after the same receipt again")
		h.meta.answers(&providers.Error{Kind: providers.Operator, Code: 190, Status: 401})
		_, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
		h.must(err, "Send")
		told("after another channel's answer", refuses+string(onMeta)+" provider=meta code=190 status=401")
		time.Sleep(time.Minute)
		h.service.Complain(onGupshup, empty)
		told("a minute later", "code=1003")
		h.meta.answers(&providers.Error{Kind: providers.Throttled, Code: 130429, Status: 429, RetryAfter: time.Minute}, empty)
		for range 2 {
			_, err = h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
			h.must(err, "Send")
		}
		told("after throttling and operator trouble",
			throttles+string(onMeta)+" provider=meta code=130429 status=429", refuses+string(onMeta)+" provider=meta code=1003")
		h.service.Complain(onMeta, &providers.Error{Kind: providers.Throttled})
		told("after throttling again")
		time.Sleep(time.Minute)
		for _, kind := range providers.ErrorKinds {
			if kind != providers.Operator && kind != providers.Throttled {
				h.service.Complain(onMeta, &providers.Error{Kind: kind})
			}
		}
		h.service.Complain("nobody's", empty)
		told("after errors of other kinds and of an unknown channel")
	})
}

// TestConcurrentTroubleIsLoggedOnce: of many concurrent complaints about a channel one is logged.
func TestConcurrentTroubleIsLoggedOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		var out bytes.Buffer
		h.params.Logger = slog.New(slog.NewTextHandler(&out, nil))
		h.build()
		for minute := range 100 {
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() { h.service.Complain(onMeta, &providers.Error{Kind: providers.Operator}) })
			}
			all.Wait()
			h.is(strings.Count(out.String(), "\n"), minute+1, "lines in the log")
			time.Sleep(time.Minute)
		}
	})
}
