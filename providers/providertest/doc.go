// Package providertest holds fake providers: real HTTP servers on a free
// loopback port that behave as the documentation says, and misbehave as told.
// Tests, drills and the demo run against them, so the package does not import
// testing.
//
// Graph is Meta's Cloud API, Gupshup both API families of Gupshup; what is not
// the provider's (server, account, faults, callbacks) they share. Each checks
// what it is sent as strictly as the real one, answers with invented ids, posts
// webhooks back and keeps an account of everything it accepted. That account
// is independent of wagate's own records: a drill compares the two.
//
//	fault                      script                       what a caller sees
//	error with a code          Fault{Code}                  Meta's error object
//	bare status                Fault{Status, Body}          the body as it stands
//	throttled                  Fault{Status: 429, …}        Retry-After
//	no answer                  Fault{Hang}                  time-out, or released
//	connection reset           Fault{Reset}                 reset after the body was read
//	accepted behind its back   Fault{Accept, Hang | Reset}  as above, but it was sent
//
// What is not simulated: media, pricing, quality, groups.
package providertest
