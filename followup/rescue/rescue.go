// Package rescue keeps a panic in one piece of work from ending the process,
// and with it everybody else's work.
package rescue

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
)

// Call calls f and reports whether it came back. If it panicked, the log has
// the message with args, and the stack; it has the panic's value only if that is
// the runtime's own, for any other may quote what was being worked on.
func Call(log *slog.Logger, message string, f func(), args ...any) (ok bool) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		what := fmt.Sprintf("%T", r)
		if e, ok := r.(runtime.Error); ok {
			what = e.Error()
		}
		log.With(args...).Error(message, "panic", what, "stack", string(debug.Stack())) //nolint:sloglint // a constant of the caller
	}()
	f()
	return true
}
