// Package providertest holds fake providers: real HTTP servers on a free
// loopback port that behave as the documentation says, and misbehave as told.
// Tests, drills and the demo run against them, so the package does not import
// testing.
//
// Graph is Meta's Cloud API, Gupshup both API families of Gupshup. Each checks
// what it is sent as strictly as the real one, answers with invented ids, posts
// webhooks back and keeps an account of everything it accepted. That account
// is independent of wagate's own records: a drill compares the two.
//
//	fault                      Graph                             what a caller sees
//	error with a code          GraphFault{Code}                  Graph's error object
//	bare status                GraphFault{Status, Body}          the body as it stands
//	throttled                  GraphFault{Status: 429, …}        Retry-After
//	no answer                  GraphFault{Hang}                  time-out, or released
//	connection reset           GraphFault{Reset}                 reset after the body was read
//	accepted behind its back   GraphFault{Accept, Hang | Reset}  as above, but it was sent
//
// What is not simulated: media, pricing, quality, groups.
package providertest
