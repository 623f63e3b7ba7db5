// Package providertest holds fake providers. They are real HTTP servers on a free loopback port
// that behave as the documentation says, and misbehave as instructed. Tests, drills and the demo
// run against them, so the package does not import testing.
//
// Graph is a fake of Meta's Cloud API, Gupshup one of both API families of Gupshup. What is
// independent of the provider (server, account, faults, callbacks) is shared. Each fake validates
// its input as strictly as the real provider, answers with invented ids, posts webhooks and keeps
// an account of everything it accepted. The account is independent of wagate's own records, so that
// a drill can compare the two.
//
//	fault                      script                       what a caller sees
//	error with a code          Fault{Code}                  Meta's error object
//	bare status                Fault{Status, Body}          the body as given
//	throttled                  Fault{Status: 429, …}        Retry-After
//	no answer                  Fault{Hang}                  timeout, or the answer once released
//	connection reset           Fault{Reset}                 reset after the body was read
//	accepted regardless        Fault{Accept, Hang | Reset}  as above, but the message was sent
//
// Not simulated: media, pricing, quality, groups.
package providertest
