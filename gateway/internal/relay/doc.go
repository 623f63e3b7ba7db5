// Package relay delivers what was settled to the assistants, in order, for as
// long as it takes.
//
// # One delivery
//
// A delivery is what the store hands out: the frozen head of one
// conversation's queue, at most 20 events (fewer where bots do not read on behind
// the first) and about 1 MB as they lie in the store, under a lease. At most one of a queue is out at a time, so order needs
// no care here; what is behind a delivery waits for it. A try that would outlast its lease, as
// the process stood still, is not begun: another may have gone on with the queue.
//
//	answer                              what follows
//	2xx                                 delivered
//	400, 422                            rejected: retried; the third one is final
//	413                                 likewise, but final at once if there are several events
//	410                                 a dead letter at once, the whole delivery
//	other status, redirect, no answer   retried for 24 h from the first try, then a dead letter
//	a panic of ours                     likewise; the log has the stack
//	event that is no JSON               final
//	stopped before an answer            given back without counting a try, the same when it comes again
//	too late to begin                   likewise, if it is still ours
//	final, one event                    a dead letter
//	final, several events               split: from now on one by one, so that only what is at fault dies
//
// The first retry comes after 0.5 to 1 s, then doubling up to 5 min, jittered
// down to half; a longer Retry-After is honoured, as far as an hour and the end of
// the 24 h, where the last try is made. With 429 and 503 it holds the assistant and
// not only that delivery. Events that were split have been tried as
// long as the delivery they were in. An assistant that is missing from the
// operator's file is retried too: the file may come back. So is one that the file
// gives to another tenant, who sees nothing of what waited for it before.
//
// 410 tells a Standard Webhooks sender to stop for good. Here nobody could switch
// the endpoint on again but by answering, so it ends the delivery and not the
// endpoint: an operator who has mended it replays the dead letters. For the breaker
// it is a failure, which keeps most of what waits from dying with it.
//
// Delivery is at least once. The receiver tells a repetition by webhook-id, and
// a repetition has the same body byte by byte, because a delivery is frozen and
// rendering is a function of its events.
//
// # Body
//
// The envelope is Meta's; consecutive events of one account share an entry, if
// Meta said the same beside their changes (time, and what is new). A follow-up
// happening names its number as Meta's values do (messaging_product, metadata), before
// its own members: SDKs read that of whatever comes, and one that throws would hold up
// its lead's queue for a day.
// Bytes are canonical: no white space, short escapes where JSON has them, and
// everything beyond ASCII (and DEL) as \uxxxx in lower case, with surrogate
// pairs. That is what both escapeUnicode(JSON.stringify(body)) and Python's
// json.dumps(body, separators=(",", ":")) give, so that even a receiver that
// verifies a re-serialised body agrees. "/" stays as it is: Meta writes "\/",
// but whoever verifies the bytes as they came does not care, and whoever
// re-serialises would not write it.
//
// # Raw
//
// For an assistant that wants webhooks as they came, a delivery is one webhook:
//
//	X-Wagate-Format  body                                   X-Hub-Signature-256
//	raw              the provider's, byte by byte           the provider's, where it signs
//	raw-narrowed     the provider's envelope around what    none: it would not fit
//	                 is this conversation's
//	(none)           Meta's shape: follow-up happenings,    ours
//	                 and what cannot be narrowed
//
// Content-Type, User-Agent and the provider's signature go on, nothing else of the
// provider's does. The Standard Webhooks trio is ours in all three, so whoever
// verifies that needs no provider's secret. Ids and opaque data in raw bodies are
// the provider's and ours, not those that the assistant was given and gave:
// translating them would change the bytes. A delivery holds one webhook, and that
// may hold several events, so a receiver that counts each event once goes by the
// message's id.
//
// # Isolation
//
// A claim says how much there is room for, of whom, so nothing is claimed that
// has to wait here.
//
//	bound               how much may be out
//	all                 512
//	a tenant            as many as stay free: half if it is alone, a third each if there are two
//	an assistant        16
//	… failing           ten failures in a row open a breaker; then one every few seconds
//	… asked to wait     none until then; then one at a time until it has answered well
//
// So a slow assistant delays only itself, and a tenant with many of them only
// itself: whoever has nothing out finds a slot free. Rejected: a fixed part of the
// slots for each tenant, which one that is alone can do nothing with and which many at
// once use up. Turns go round the tenants, and round the assistants of each. What an
// assistant asks of us is known to this replica only; another is told by its own first try.
//
// # Targets
//
// Addresses are checked when the connection is made, after DNS, so a name that
// resolves to a private address helps nobody. Redirects are not followed. The
// environment's HTTP proxy is not used, because it would hide the address.
//
// URLs and bodies appear in no log and no error.
package relay
