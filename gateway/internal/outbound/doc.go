// Package outbound is the one way out to WhatsApp. What a follow-up step says
// and what an assistant sends through the Cloud API route go through the same
// Service:
//
//	breaker → pacing (per channel, shared by all replicas) → breaker → guard → provider
//	   ▲                                                                      │
//	   └───────── again, boundedly, only if nothing can have been sent ───────┘
//
// What the breaker would refuse, or what would wait too long, takes no slot:
// requests that come to nothing must not put off those that come after. The API answers
// what would wait too long as throttled; a step asks again. A step is turned away sooner than
// an assistant's message, so however many wait there is room for that behind them. The price:
// while an assistant sends all that its channel takes, no step of that channel gets a turn.
//
// The guard is asked last, and again before each retry: what it allows leaves
// at once, and what happened meanwhile (a reply, a stop, a closed window) still
// counts. Its yes to free-form text says when the window closes, and is none from then on,
// however long it was on its way; nor is any that is older than a step's lease allows. A
// provider call once begun is not cut off by its caller going away: its result is worth more
// than a quick end.
//
// The message id that the provider answers with is linked before anything is
// recorded, and receipts that were faster than the answer are settled then. Whom
// it says that it took the recipient for (a Brazilian or Mexican phone in another
// spelling, a user id) is linked to the lead, with a merge if that was another.
//
// Templates (registry.go) is what is known of templates: each account's list, which
// every replica reads by itself (once for all channels on it, by one's access that is
// accepted) and believes for ten minutes, and over it what
// webhooks said since, which the store has for all of them. The latter is asked for
// each time a template is about to be sent, by whoever asks the guard, right before
// he does: what any replica has acknowledged by then counts. One that crosses that
// on its way is as one sent before it, and the provider's to refuse. Rejected: to
// tell the replicas, as one that is told later than it sends has not been told; and
// a copy in every partition, for the guard's own script to look at, as there are
// thousands of templates and 64 partitions.
//
// API (api.go) is the route POST /{version}/{number}/messages: it reads a
// Cloud API body, names the lead, asks its own guard, and words every answer
// as Graph does, with Meta's codes for every provider, so that an SDK's error
// handling works. A stranger whom a template is for becomes a lead in that guard:
// what is refused before (a paused template, pacing, an operator's pause) founds none.
package outbound
