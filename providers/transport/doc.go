// Package transport makes HTTP calls to providers and decides, exactly, whether
// a call that failed can have reached them.
//
// That decision carries invariant I6 (at most once): what may have been sent is
// never sent again, what cannot have been sent may be.
//
//	failure                                        error
//	name, dial, proxy, TLS handshake               Retryable
//	time-out or cancel before a connection was got Retryable
//	connection got, no byte of the request written Retryable
//	any byte written, then no whole answer         MaybeSent
//	429 whose body cannot be read                  no error: Status is enough
//	any whole answer, whatever its status          no error: the caller reads it
//
// # How it knows
//
// Every connection counts what is written to it (see conn). When a connection
// is got for a request its count is noted; when the request fails, the
// connection is sealed, so that the transport's own goroutine cannot write
// behind our back, and the count compared. The hooks of httptrace alone cannot
// tell this: WroteHeaders fires when headers are in a buffer, and a request
// that is cancelled after GotConn may be written after RoundTrip has returned.
//
// # What it refuses to do
//
//   - Replay. Go's transport sends a request again on another connection if it
//     has an Idempotency-Key or a body it can rewind; both are taken away.
//   - HTTP/2. Over one shared connection one fault makes every message in
//     flight uncertain; over HTTP/1.1 it is one message.
//   - Follow redirects: they would carry the token to another place.
//   - Say more than it must: errors hold neither URL, header nor body.
//
// There is no breaker here; pacing and breaking belong to the caller, who also
// asks the guard again before each retry.
package transport
