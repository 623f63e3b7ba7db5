package rescue_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"wagate/followup/rescue"
)

// TestCall: a panic must be stopped and logged with where it happened, but without the text of the
// panic unless the runtime wrote it.
func TestCall(t *testing.T) {
	t.Parallel()
	var nobody map[string]int
	for name, c := range map[string]struct {
		f    func()
		ok   bool
		says []string
	}{
		"returns":               {func() {}, true, nil},
		"panics with a text":    {func() { panic("5511912345678 wrote") }, false, []string{"work panicked", "item=7", "panic=string", "rescue_test.go"}},
		"panics in the runtime": {func() { nobody["x"] = 1 }, false, []string{"assignment to entry in nil map", "rescue_test.go"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			if got := rescue.Call(slog.New(slog.NewTextHandler(&log, nil)), "work panicked", c.f, "item", 7); got != c.ok {
				t.Errorf("got %v, want %v", got, c.ok)
			}
			for _, want := range c.says {
				if !strings.Contains(log.String(), want) {
					t.Errorf("got log %q, want %q in it", log.String(), want)
				}
			}
			if c.ok && log.Len() > 0 || strings.Contains(log.String(), "5511912345678") {
				t.Errorf("got log %q, want none of what was worked on", log.String())
			}
		})
	}
}
