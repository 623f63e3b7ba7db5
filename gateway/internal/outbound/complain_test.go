package outbound_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// What only the operator can mend is said in the log, once a minute and channel, whether an answer
// says so or a receipt alone; nothing else is.
func TestTheOperatorIsTold(t *testing.T) {
	t.Parallel()
	in(t, func(h *harness) {
		var out bytes.Buffer
		h.params.Logger = slog.New(slog.NewTextHandler(&out, nil))
		h.build()
		told := func(when string, want ...string) {
			h.Helper()
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if out.Len() == 0 {
				lines = nil
			}
			out.Reset()
			h.is(len(lines), len(want), when+": lines in the log")
			for i, line := range lines {
				if i < len(want) && (!strings.Contains(line, "level=ERROR") || !strings.Contains(line, want[i])) {
					h.Errorf("%s: got %s, want an error with %s", when, line, want[i])
				}
			}
		}
		empty := &providers.Error{Kind: providers.Operator, Code: 1003}
		h.service.Complain(onGupshup, empty)
		told("a receipt", "channel="+string(onGupshup)+" provider=gupshup code=1003")
		h.service.Complain(onGupshup, empty)
		told("again")
		h.meta.answers(&providers.Error{Kind: providers.Operator, Code: 190, Status: 401})
		_, err := h.service.Send(h.Context(), onMeta, hello, h.leave(followup.NewLeadID()))
		h.must(err, "Send")
		told("another channel's answer", "channel="+string(onMeta)+" provider=meta code=190 status=401")
		time.Sleep(time.Minute)
		h.service.Complain(onGupshup, empty)
		told("a minute later", "code=1003")
		for _, kind := range providers.ErrorKinds {
			if kind != providers.Operator {
				h.service.Complain(onMeta, &providers.Error{Kind: kind})
			}
		}
		h.service.Complain("nobody's", empty)
		told("nothing of the operator's")
	})
}
