// Package server is the HTTP edge: every route of the public and the admin
// listener, who may call it, how much it may send, and how a failure is worded.
// It holds no business rule. What it needs of the rest it declares as small
// interfaces, and hands over bytes and ids. All Fiber code of the project is
// here.
//
//	public   /webhooks/meta/{app}                   webhooks.go   plain answers
//	         /webhooks/gupshup/{channel}            webhooks.go   plain answers
//	         /webhooks/crm/{tenant}                 webhooks.go   /backend's envelope
//	         /{version}/{number}/messages           messages.go   Graph's error shape
//	         /backend/…                             leads.go configs.go runs.go
//	admin    /livez /readyz                         health.go
//	         /metrics /debug/pprof                  admin.go
//	         /api/…                                 dead.go control.go
//
// Decisions:
//
//   - Fiber reuses its buffers. Immutable, which copies everything always, is
//     off; what leaves a handler is copied where it is taken (input.go), once.
//   - Bodies are taken as received. A compressed one is refused with 415: the
//     signature covers the bytes on the wire, and an archive bomb is no webhook.
//   - The listener's limit is the webhooks' (4 MiB, above the providers' 3 MB);
//     everything else is held to 256 KiB once it is read. One listener has one
//     limit before reading; two listeners for one API would be the alternative.
//   - An answer to a request that is not read to its end is followed by taking
//     off and throwing away what still comes, for a while: a connection closed
//     under a client that writes is reset, and he never sees the 413.
//   - An unknown app, channel or tenant in a webhook's path is 404. It tells a
//     stranger no more than he can know: the address in his hand is not one of
//     ours. The answer is the same before and after its bytes are read.
//   - Each area words its errors as its callers expect: /backend has one
//     envelope, the messages route Graph's shape, webhooks a status and a word.
//     The envelope's retry_after, in seconds, is there with 429 and 503 only; the
//     header Retry-After says the same.
//   - Keys are compared by SHA-256: what a lookup's time could tell is about the
//     digest, which nobody can steer. The rate limit is a bucket per key and
//     process, full at start; a fleet of n lets n times as much through, which
//     keeps a store call off the path of every request.
//   - An error that is no fault of a known sort means that the store could not
//     be reached or did not promise to keep (followup.Store says so): 503.
//   - On the admin listener a token, where set, guards everything but metrics
//     and health: profiles show memory, and memory shows secrets. Without a
//     token it is on loopback, where requests that a web page makes a browser
//     send (they carry an Origin) are refused.
package server
