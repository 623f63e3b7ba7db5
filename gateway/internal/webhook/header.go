package webhook

import (
	"slices"

	"wagate/providers/meta"
)

// Header returns the value of a header of a provider's request, "" if it has
// none. It is for the goroutine that it was given to, until it returns.
type Header func(name string) string

// The headers of a provider's request.
const (
	ContentType  = "Content-Type"
	UserAgent    = "User-Agent"
	Signature256 = meta.SignatureHeader
	Signature1   = "X-Hub-Signature"
)

// Passed are the headers that an assistant with raw webhooks is given. All others,
// tokens and cookies before all, are ours alone: this is a list of what may go
// on, so that nothing new does by itself. None of it can stand for a header that
// we set.
func Passed() []string { return []string{ContentType, UserAgent, Signature256, Signature1} }

// longest is more than any of these is.
const longest = 512

// Pass returns the headers that may go on and are fit to: those beside the whole
// body, and those beside a part of it, which are without the signatures over all.
func (h Header) Pass() (whole, part map[string]string) {
	whole, part = map[string]string{}, map[string]string{}
	for _, name := range Passed() {
		v := h(name)
		if v == "" || len(v) > longest || slices.ContainsFunc([]byte(v), unfit) {
			continue
		}
		whole[name] = v
		if name != Signature256 && name != Signature1 {
			part[name] = v
		}
	}
	return whole, part
}

// unfit reports whether a byte cannot be sent on in a header.
func unfit(c byte) bool { return c < ' ' || c > '~' }
