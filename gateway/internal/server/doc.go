// Package server is the HTTP edge: every route of the public and the admin listener, who may call
// it, how much it may send, and how a failure is worded. It holds no business rule. What it needs
// from other packages it declares as small interfaces, and it hands over bytes and ids. All Fiber
// code of the project is here.
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
//	its header     wire.go    is complete in time and of bounded size; if it declares too large a
//	                          body, the request is refused by the header alone
//	the caller     the route  is checked as far as possible without the body: by the key, the
//	                          callback token, or the form of a signature
//	the body       body.go    is read to its end, within its limit, in time, and within a
//	               budget.go  budget; then it is verified, and only then parsed
//	the answer                and if the body was not read, the end of the connection
//
// So a stranger takes up a place and some kilobytes, whatever the stranger sends. A caller who
// makes up the form of a signature takes from the budget of the large bodies, 64 MiB, in proportion
// to what really arrives: at worst 4 MiB for 256 KiB. Bodies up to 16 KiB are not counted, so the
// usual webhook is not affected. Large bodies of others still find room:
//
//	the caller has   and can take                     room is left for
//	one address      a quarter                        everybody else, also at the same app
//	many addresses   half, aimed at one app           other apps, CRMs, and callers with a key
//	                 three quarters, at all we have   callers with a key or callback token
//
// Behind a proxy, the caller's address is the last one in X-Forwarded-For that is not a trusted
// proxy; if no proxies are named, the last one that is not on a network of our own. If that gives
// no address, only the bound of a half holds for the caller. Rejected: to take the proxy's address
// for the caller's. All callers behind the proxy would then share a quarter, and the other quarter
// of their target's half would be left to nobody.
//
// Decisions:
//
//   - Fiber reuses its buffers. Its option Immutable, which always copies everything, is off. What
//     leaves a handler is copied once, where it is taken from the request (input.go). A body is
//     read into memory of its own, which is that copy. This memory comes from the collector, not
//     from a pool. A webhook's could go back to a pool in time (ingest keeps no reference to it),
//     but one allocation is not worth a rule that every handler must keep.
//   - fasthttp streams bodies: it calls us with the first 8 KiB. Without streaming it makes room
//     for all that a header declares before anybody is asked. What it leaves to us is to close a
//     connection whose body was not read. Otherwise the rest of the body is taken for the next
//     request.
//   - After the answer to a request that was not read to its end, what still arrives is read and
//     discarded for a while. A connection that is closed while its client writes is reset, and the
//     client never sees the 413.
//   - Bodies are taken as received. A compressed body is refused with 415: the signature covers the
//     bytes on the wire, and an archive bomb is no webhook.
//   - The content type is not judged. What is signed, or comes with the token, is the provider's,
//     whatever the provider or a proxy calls it, and every body is read as JSON. To refuse the
//     wrong name would lose events and protect nothing.
//   - The limit of a webhook is 4 MiB, above the providers' 3 MB. Every other body is limited to
//     256 KiB.
//   - An unknown app, channel or tenant in the path of a webhook is 404. That tells strangers only
//     what they may know: the address that they have is not one of ours. The answer is the same
//     before and after the body is read.
//   - Each area words its errors as its callers expect: /backend has one envelope, the messages
//     route has Graph's shape, and webhooks get a status and a word. The envelope has retry_after,
//     in seconds, with 429 and 503 only; the header Retry-After says the same.
//   - Keys are compared by SHA-256. The time of a lookup tells something about the digest only,
//     which nobody can steer. The rate limit is a bucket per key and process, full at the start. A
//     fleet of n processes lets n times as much through; that keeps a store call off the path of
//     every request.
//   - An error that is not a fault of a known kind means that the store could not be reached or did
//     not promise to keep what it was given (followup.Store says so): 503.
//   - On the admin listener a token, if set, guards everything but metrics and health: profiles
//     show memory, and memory shows secrets. Without a token the listener is on loopback. There,
//     requests that a web page makes a browser send are refused: they carry an Origin, or a Host
//     that is not loopback.
package server
