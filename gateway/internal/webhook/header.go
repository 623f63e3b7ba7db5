package webhook

import (
	"slices"

	"wagate/providers/meta"
)

// Header returns the value of a header of a provider's request, or "" if the request does not have
// it. Only the call that a Header is passed to may use it, on its own goroutine, until it returns.
type Header func(name string) string

// The headers of a provider's request that may be handed on.
const (
	ContentType  = "Content-Type"
	UserAgent    = "User-Agent"
	Signature256 = meta.SignatureHeader
	Signature1   = "X-Hub-Signature"
)

// Passed returns the names of the headers that are handed on to an assistant with raw webhooks. All
// others are for us alone, tokens and cookies above all. The list says what may be handed on, so
// that a new header is not handed on by itself. None of them can replace what we say about a
// delivery: the X-Wagate headers and the Standard Webhooks trio.
func Passed() []string { return []string{ContentType, UserAgent, Signature256, Signature1} }

// longest bounds the value of a header that is handed on, in bytes. It is more than any of these
// headers needs.
const longest = 512

// Pass returns the headers to hand on with the whole body, and those to hand on with a part of it,
// which lack the signatures over the whole. A value that is empty, too long, or unfit for a header
// is left out.
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

// unfit reports whether a byte must not be sent in the value of a header.
func unfit(c byte) bool { return c < ' ' || c > '~' }
