// Package ingest takes in the webhooks of the providers: nothing is
// acknowledged that is not settled.
//
// # Order
//
//	authenticate   the raw bytes, in constant time; nothing is parsed before
//	decode         into events that stand alone
//	route          to the channel; dropped unless that is bound to whoever signed
//	resolve        the contact to its lead, or a status to the attempt it is about
//	settle         all items of one lead in one call, leads in parallel
//	answer         nil only if every lead was settled
//
// Any failure of the store is ErrUnavailable, and so is too much that waits for an
// assistant already (followup.ErrBacklog): the provider sends the whole body again,
// and what was settled the first time is then a duplicate. An item that makes no
// sense or belongs to nobody here is counted and left out; it never harms its
// neighbours, and sending it again would not help.
//
// # Whose lead
//
// An event is its contact's. A lead is created for what a contact does (writes,
// calls, states a preference), not for what merely mentions one (a status, an
// echo, a group) — unless that names him by two identities: by phone and user id,
// or by what he is and what he was. Such an event may be the only one ever to tell
// that they are of one person; were it forgotten, who writes by the one and who
// writes by the other would be two leads, whichever comes first. The lead has no
// window and knows nothing but what the event tells. Rejected: to keep the link
// alone, as a lead that nobody can see; every reader of leads would have to know
// of it.
//
// The exception to that is a status of a message of ours whose lead is no more: it
// was erased, and a receipt must not bring it back.
//
// What concerns no lead is relayed all the same, under a stand-in: of the contact
// who is no lead, of the account if there is none, and of the group for whatever is
// said in one, by whomever. So no request to an assistant holds two conversations,
// and what somebody says in a group neither joins what he says to the business alone
// nor says anything about his window or silence. When the contact becomes a lead,
// what waits under his stand-in is the lead's; who had looked before finds that it
// moved, and looks again. A group's is nobody's but the group's: erasing a member
// does not reach what he said there, which the relay gets rid of within days, but for
// dead letters.
//
// Account events go to each assistant with a channel on that account, bound to the
// app that signed.
//
// A system notice names a contact by what he was and what he is; both are made
// to point to one lead, whose record then has the new identity. A user id
// changes only with the phone number, so where the new phone is not told, the
// old one is taken out of the record: it may be a stranger's by now. Who comes by
// a number that its lead gave up, and with a user id that is not his, is that stranger
// (followup.HoldOf): another lead, whom the number leads to from then on. Rejected: to
// take any user id that is new at a number for a stranger's. It may be that of another
// business portfolio of the tenant's, for which Meta has another user id of the same
// person; and who kept his number kept his user id. Where we were not told of a change
// of number (no notice came, or the provider is Gupshup's version 2, which has none),
// the stranger is thus taken for the lead; so is who comes without a user id.
//
// # Statuses
//
//	the attempt id in biz_opaque_callback_data → the lead is part of it
//	else a message known by one of its ids     → likewise
//	else                                       → parked until the send call's answer
//	                                             is stored; relayed by its contact
//
// Whom the status names beside a lead found this way is that lead: its phone and
// user id are linked to it, and if they were another's the two are merged, before
// the status is settled. What merely mentions a contact does not say how his phone
// is spelled, nor brings back into the record one that he no longer has.
//
// The ids and the opaque data that an assistant sees are those it was given and
// gave; our own opaque data never reaches it. Its own is stored with the answer
// of the send call; for a status that overtakes that, it stands in the attempt,
// which is written before the call. Each id that a status of an attempt tells is
// learned: at Gupshup a message has up to three, and a report that comes a week later,
// or in the other version, may have any of them.
//
// # Templates
//
// What a notice says of a template's status, category or quality is kept for all
// replicas before it is acknowledged (template.go), as of the account that the
// channel is on by the app that signed. It does not wait for the settlement, which
// may be refused for a backlog.
//
// # Raw
//
// An assistant may want webhooks as they came. Then the events of one conversation
// in a body that are settled together (parts) share one relay event, which is queued with the first of them that is
// fresh: the whole body if these are all of it and it says nothing of anybody
// else (nothing was skipped or dropped, and there is no list that nobody knows),
// else the provider's envelope around them. So no item gets to another
// conversation, let alone another tenant (I10), and a body is kept once for each
// conversation it has items of. While the lead of one of a contact's events, or of a group's, cannot be found
// out, those before it wait, too: their part of the webhook would come again with the rest. A callback of Gupshup's version 2 has no parts;
// the rare one that is about several users comes in Meta's shape.
//
// # What is not relayed
//
// History imports are dropped, unless the channel's assistant asks for them: then
// they are relayed as they came, in the queue of the lead they are about, and do
// nothing else. What the provider says to us alone (connectivity checks) goes no
// further.
//
// # Times
//
// The window counts from the provider's timestamp. One that is missing or cannot
// be believed (providers.Instant) opens nothing: the message is relayed, and is a
// reply. Gupshup v2 tells Gupshup's own time; of that, or of the arrival, a margin
// is taken off.
//
// # Opt-out
//
// A message that is nothing but one of the words opts its lead out, and so does a tap on a
// template's quick reply that carries one. That is its label, unless whoever sent the template
// gave it something else to carry: then that says what the tap means ("Cancelar" of a visit), and
// is his to understand. Taps on buttons and lists of a session are answers to who offered them,
// where "Sair" leaves a menu.
//
// A word on opt-out counts as of its time, and a stop as of the latest that its
// time can be: without the margin, or of now if nobody knows. A resume of which
// nobody knows when it was said lifts nothing; the tenant can.
package ingest
