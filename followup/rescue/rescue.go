// Package rescue keeps a panic in one piece of work from ending the process, and with it all other
// work.
package rescue

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
)

// Call calls f and reports whether it returned without a panic. If f panicked, Call logs the message
// with args and the stack. It logs the panic's value only if that is a runtime.Error, else only its
// type: any other value may quote the data that was being worked on.
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
