// Package relay delivers settled events to the assistants, in order, for as long as it takes.
//
// # One delivery
//
// A delivery is what the store hands out: the frozen head of one conversation's queue, under a
// lease. It holds at most 20 events (fewer for bots that read only the first events of a request,
// see Params.MaxEvents) and about 1 MB as stored. At most one delivery of a queue is out at a time,
// and what is behind it in the queue waits for it. So this package needs no further care to keep
// order. If the process stood still and a try would outlast the lease, the try is not begun:
// another replica may have gone on with the queue.
//
//	answer                              what follows
//	2xx                                 delivered
//	400, 422                            rejected: retried; the third rejection is final
//	413                                 likewise, but final at once if there are several events
//	410                                 a dead letter at once, the whole delivery
//	other status, redirect, no answer   retried for 24 h from the first try, then a dead letter
//	a panic in this program             likewise; the log has the stack
//	an event that is not valid JSON     final
//	stopped before an answer            given back without counting a try; comes again unchanged
//	too late to begin                   likewise, if the claim is still ours
//	final, one event                    a dead letter
//	final, several events               split: from now on one by one, so that only the event at
//	                                    fault becomes a dead letter
//
// The first retry comes after 0.5 to 1 s. The wait then doubles up to 5 min, and is jittered down
// to half. A longer Retry-After is honoured up to one hour, and up to the end of the 24 h, where
// the last try is made. With 429 and 503, Retry-After holds the whole assistant and not only that
// delivery. After a split the 24 h go on counting from the first try of the delivery that was
// split. An assistant that is missing from the operator's file is retried too, because the file may
// come back. So is an assistant that the file now gives to another tenant. The new tenant sees
// nothing of what waited for the assistant before.
//
// 410 tells a Standard Webhooks sender to stop for good. Here nobody could switch the endpoint on
// again except by answering, so 410 ends the delivery and not the endpoint. An operator who has
// mended the endpoint replays the dead letters. The breaker counts 410 as a failure, which keeps
// most of what waits from becoming dead letters too.
//
// Delivery is at least once. The receiver recognises a repetition by its webhook-id. A repetition
// has the same body, byte for byte, because a delivery is frozen and rendering depends only on its
// events and their channel.
//
// # Body
//
// The envelope is Meta's. Consecutive events of one account share an entry if Meta said the same
// beside their changes (time, and members that are new). A follow-up happening names its number as
// Meta's values do (messaging_product, metadata), before its own members. SDKs read these of
// whatever comes, and an SDK that throws would hold up its lead's queue for a day.
//
// The outcome and the reason of a happening are of the closed sets of the timeline, and belong
// together:
//
//	event                   outcome                          reason
//	scheduled, completed    null                             null
//	sent, skipped, failed,  the same word                    the timeline's
//	uncertain
//	replied, cancelled      of the step that was still to    why the run ended
//	                        be sent; null if there was none
//	settled                 what a receipt shows it to be    of sent, the kind of message, or null if
//	                                                         that is not known; of failed, what the
//	                                                         receipt says
//
// In the timeline an entry that was settled keeps its first outcome, with the reason of that.
//
// The bytes are canonical: no white space, short escapes where JSON has them, and every character
// beyond ASCII (and DEL) as \uxxxx in lower case, with surrogate pairs. That is what both
// escapeUnicode(JSON.stringify(body)) and Python's json.dumps(body, separators=(",", ":")) give, so
// even a receiver that verifies a re-serialised body agrees. "/" stays as it is, although Meta
// writes "\/". A receiver that verifies the bytes as they came does not care, and one that
// re-serialises would not write "\/".
//
// # Raw
//
// For an assistant that wants webhooks as they came, a delivery is one webhook:
//
//	X-Wagate-Format  body                                   X-Hub-Signature-256
//	raw              the provider's, byte for byte          the provider's, if it signs
//	raw-narrowed     the provider's envelope around what    none: it would not fit
//	                 is this conversation's
//	(none)           Meta's shape: follow-up happenings,    ours
//	                 and what cannot be narrowed
//
// Of the provider's headers, only Content-Type, User-Agent and the signature are handed on. The
// Standard Webhooks trio is ours in all three cases, so a receiver that verifies the trio needs no
// secret of the provider. Ids and opaque data in raw bodies are the provider's and ours, not those
// that the assistant was given and sent: translating them would change the bytes. A delivery holds
// one webhook, and a webhook may hold several events. So a receiver that counts each event once
// goes by the id of the message.
//
// # Isolation
//
// A claim tells the store how much there is room for, and for whom. So nothing is claimed that
// would have to wait here.
//
//	bound               how many deliveries may be out
//	all                 512
//	a tenant            as many as stay free: half if it is alone, a third each if there are two
//	an assistant        16
//	… failing           ten failures in a row open a breaker; then one every few seconds
//	… asked to wait     none until then; then one at a time until it has answered well
//
// So a slow assistant delays only itself, and a tenant with many slow assistants delays only
// itself: a tenant that has nothing out finds a slot free. Rejected: a fixed share of the slots for
// each tenant. A tenant that is alone could not use the other shares, and many tenants at once
// would use up all slots. Turns go round the tenants, and round the assistants of each tenant. Only
// this replica knows that an assistant asked it to wait; another replica learns it from its own
// first try.
//
// # Targets
//
// Addresses are checked when the connection is made, after DNS. So a name that resolves to a
// private address gets nowhere. Redirects are not followed. The environment's HTTP proxy is not
// used, because it would hide the address.
//
// URLs and bodies appear in no log and no error.
package relay
