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
// # What comes in
//
//	a connection   listen.go  has a place, or is answered 503
//	its header     wire.go    is complete in time and of bounded size; what it
//	                          declares too large is refused by it alone
//	who calls      the route  as far as that shows without a body: the key, the
//	                          callback token, the form of a signature
//	the body       body.go    is read to its end, within its limit, in time, out
//	               budget.go  of a budget; then verified, and only then parsed
//	the answer                and if the body was not read, the connection's end
//
// So a stranger takes up a place and some kilobytes, whatever he sends. Whoever
// can make up the form of a signature takes from the budget of the large bodies,
// 64 MiB, and only what he really sends: 4 MiB for 256 KiB at worst. Bodies up to
// 16 KiB are not counted, so the usual webhook does not notice. Large ones of others
// find room beside his:
//
//	he has        what he can take                and what finds room then
//	one address   a quarter                       everybody else's, that app's too
//	many          half, aimed at one app          other apps', CRMs', and who has a key
//	              three quarters, at all we have  who has a key or callback token
//
// Behind a proxy the address is the last that X-Forwarded-For does not call one of
// the trusted proxies, or of our own network where none are named. Where that says nothing he is of no address, and has the half:
// rejected was to take the proxy for him, which would leave its other half to nobody.
//
// Decisions:
//
//   - Fiber reuses its buffers. Immutable, which copies everything always, is
//     off; what leaves a handler is copied where it is taken (input.go), once. A
//     body is read into memory of its own, which is that copy. It comes from the
//     collector, not from a pool: a webhook's would go back in time (ingest
//     keeps no reference to it), but one allocation is not worth a rule that
//     every handler must keep.
//   - fasthttp streams bodies: it calls us with the first 8 KiB. Without that it
//     makes room for all that a header declares before anybody is asked. What it
//     leaves to us is to end a connection whose body was not read, else the rest
//     of it is the next request.
//   - An answer to a request that is not read to its end is followed by taking
//     off and throwing away what still comes, for a while: a connection closed
//     under a client that writes is reset, and he never sees the 413.
//   - Bodies are taken as received. A compressed one is refused with 415: the
//     signature covers the bytes on the wire, and an archive bomb is no webhook.
//   - The content type is not judged. What is signed, or comes with the token, is
//     the provider's whatever he or a proxy calls it, and every body is read as
//     JSON: to refuse the wrong name would lose events and protect nothing.
//   - The webhooks' limit is 4 MiB, above the providers' 3 MB; everything else is
//     held to 256 KiB.
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
