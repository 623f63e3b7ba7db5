// Package transport makes HTTP calls to providers and determines exactly whether a call that failed
// can have reached the provider.
//
// Invariant I6 (at most once) depends on that: a message that may have been sent is never sent
// again, and one that cannot have been sent may be.
//
//	failure                                         error
//	name, dial, proxy, TLS handshake                Retryable
//	timeout or cancel before a connection was got   Retryable
//	connection got, no byte of the request written  Retryable
//	any byte written, then no complete answer       MaybeSent
//	429 whose body cannot be read                   no error: Status is enough
//	any complete answer, whatever its status        no error: the caller reads it
//
// # How it knows
//
// Every connection counts the bytes written to it (see conn). When a request gets a connection, the
// current count is noted. When the request fails, the connection is sealed, so that the HTTP
// transport's own goroutine cannot write to it any more, and the counts are compared. The hooks of
// httptrace alone cannot tell: WroteHeaders fires when the headers are in a buffer, and a request
// that is cancelled after GotConn may be written after RoundTrip has returned.
//
// # What it refuses to do
//
//   - Replay. Go's transport sends a request again on another connection if it has an
//     Idempotency-Key or a body that can be rewound. Both are removed.
//   - HTTP/2. Over one shared connection, one fault makes every message in flight uncertain. Over
//     HTTP/1.1 it is one message.
//   - Follow redirects. They would carry the token to another host.
//   - Reveal contents. Errors contain no URL, header or body.
//
// There is no circuit breaker here. Pacing and breaking are the caller's task, as is asking the
// guard again before each retry.
package transport
