// Package outbound is the only path by which messages leave for WhatsApp. Follow-up steps
// and the messages that assistants send through the Cloud API route go through the same
// Service:
//
//	breaker → pacing (per channel, shared by all replicas) → breaker → guard → provider
//	   ▲                                                                      │
//	   └───────── retried, boundedly, only if nothing can have been sent ─────┘
//
// A message takes no pacing slot if the breaker would refuse it or if it would have to wait
// too long, so requests that come to nothing do not delay later ones. The API answers a
// message that would wait too long as throttled; a step asks again later. A step is turned
// away at a shorter wait than an assistant's message, so however many steps wait, there is
// room behind them for that message. The price is that no step of a channel gets a turn while
// an assistant sends all that the channel can take.
//
// The guard is asked last, and again before each retry. A message that it allows leaves at
// once, so anything that happened during the wait (a reply, a stop, a closed window) still
// counts. When the guard allows free-form text, it also says when the window closes; from that
// instant the answer is void, however long it took to arrive. So is an answer that is older
// than the step's lease allows. A provider call that has begun is not cut off when its caller
// goes away: its result is worth more than a quick end.
//
// The message id in the provider's answer is linked before the result is recorded. Receipts
// that arrived before the answer are settled then. If the answer names the recipient
// differently (another spelling of a Brazilian or Mexican phone, a user id), that identity is
// linked to the lead, and merges in the lead that had it, if that was another.
//
// Templates (registry.go) is what is known of templates. It has two sources. The first is each
// account's list: every replica reads it for itself, once for all channels on the account, with
// the access of any one of them that the provider accepts, and believes it for ten minutes. The
// second takes precedence: what webhooks said since, which the store keeps for all replicas. It
// is read each time a template is about to be sent, by the guard of a step or of an API send
// immediately before it asks the store, so everything that any replica has acknowledged by then
// counts. A change that is acknowledged after that read counts as coming after the send, and it
// is the provider's to refuse the message. Two designs were rejected. Telling the replicas about
// changes: a replica that learns of a change after it has sent learns too late. Keeping a copy in
// every partition for the guard's own script to read: there are thousands of templates and 64
// partitions.
//
// API (api.go) is the route POST /{version}/{number}/messages. It reads a Cloud API body, finds
// the lead, sends the message with a guard of its own, and words every answer as Graph does, with
// Meta's codes for every provider, so that an SDK's error handling works. If a template is for a
// stranger, that guard creates the lead. A send that is refused before (by a paused template,
// pacing, or an operator's pause) creates none.
//
// A message goes to the phone that the caller names. If the caller names a user id, the message goes
// to the phone of the record that has this user id, as a follow-up step does (Lead.Addressee has the
// exceptions), because not every provider's API takes user ids. The record is looked at before
// pacing, and the guard is asked about the address found then. Looking at it within the guard would
// notice a phone that became known during the seconds of the wait, but the Service would have to
// take the address from the guard's answer; a user id is no wrong address.
//
// The answer to a request with an Idempotency-Key is stored for a day, for its repetitions, and names
// the contact and the message. It is stored sealed (seal.go): only the request opens it. Rejected: to
// note at the lead under which keys its answers are, so that an erasure finds them. Every send would
// write that, too, and an erasure that comes while a message is being sent would still miss its
// answer.
package outbound
