// Package ingest takes in the providers' webhooks. It acknowledges a webhook only once everything
// in it is settled.
//
// # Order
//
//	authenticate   the raw bytes, in constant time; nothing is parsed before
//	decode         into events that stand alone
//	route          each event to its channel; dropped unless the channel is bound to whoever signed
//	resolve        the contact to its lead, or a status to the attempt it is about
//	settle         the events of one lead together (parts), different leads in parallel
//	answer         nil only if every lead was settled
//
// Any failure of the store becomes webhook.ErrUnavailable, and so does a backlog: too many events
// already wait for an assistant (followup.ErrBacklog). The provider then sends the whole body
// again, and what was settled the first time is then a duplicate. An item that makes no sense, or
// that belongs to nobody here, is counted and left out. It never harms its neighbours, and sending
// it again would not help.
//
// # Whose lead
//
// An event belongs to its contact. A lead is created for what a contact does (writes, calls, states
// a preference). It is not created for an event that merely mentions a contact (a status, an echo,
// a group message), unless the event names the contact by two identities: by phone and user id, or
// by an old and a new identity. Such an event may be the only one that ever says that both
// identities belong to one person. If it were forgotten, messages under one identity and messages
// under the other would belong to two leads, whichever came first. A lead created this way has no
// window and holds nothing but what the event says. Rejected: to store only the link, as a lead
// that nobody can see. Every reader of leads would have to know about it.
//
// There is one exception: a status of a message of ours whose lead does not exist. That lead was
// erased, and a receipt must not bring it back.
//
// An event that concerns no lead is still relayed, under a stand-in. The stand-in is that of the
// contact who is not a lead, that of the account if there is no contact, or that of the group for
// everything said in a group, whoever says it. So no request to an assistant mixes two
// conversations. What a person says in a group does not join what the person says to the business
// alone, and does not affect the person's window or silence. When the contact becomes a lead, what
// waits under the contact's stand-in moves to the lead. A settlement that resolved the contact
// before that gets followup.ErrLeadMoved and resolves again. What waits under a group's stand-in
// belongs to the group alone. Erasing a member does not reach what the member said there; the relay
// gets rid of it within days, except for dead letters.
//
// Account events go to each assistant that has a channel on the account bound to the app that
// signed.
//
// A system notice names a contact by an old and a new identity. Both are made to point to one lead,
// and the lead's record then has the new identity. A user id changes only together with the phone
// number. So if the notice does not tell the new phone, the old phone is removed from the record:
// it may belong to a stranger by now. Someone who writes from a number that its lead gave up, with
// a user id that is not the lead's, is that stranger (followup.HoldOf). The stranger becomes
// another lead, and the number leads to that lead from then on.
//
// Rejected: to treat any user id that is new at a number as a stranger's. The tenant may have a
// second business portfolio, and Meta has a different user id there for the same person. And a
// person who kept the number kept the user id. So if we were not told of a change of number (no
// notice came, or the provider is Gupshup version 2, which has none), the stranger is taken for the
// lead. So is a stranger who comes without a user id.
//
// # Statuses
//
//	attempt id in biz_opaque_callback_data   the lead's id is part of the attempt id
//	else a message known by one of its ids   likewise, by the attempt stored for the message
//	else                                     parked until the answer of the send call is
//	                                         stored; relayed under its contact
//
// If the lead was found this way, the contact that the status names is that lead. The phone and
// user id are linked to the lead, and if they led to another lead the two are merged, before the
// status is settled. An event that merely mentions a contact does not decide how the contact's
// phone is spelled. Nor does it bring back into the record a phone that the contact has given up.
//
// An assistant sees the ids that it was given and the opaque data that it sent; it never sees our
// own opaque data. The assistant's opaque data is stored with the answer of the send call. For a
// status that overtakes that answer, it is read from the attempt, which is written before the call.
// Every id that a status of an attempt tells is learned: at Gupshup a message has up to three ids,
// and a status that comes a week later, or in the other webhook version, may carry any of them.
//
// # Templates
//
// What a notice says about a template's status, category or quality is stored for all replicas
// before the notice is acknowledged (template.go). It is stored per account and app: the account
// that the channel is on, and the app that signed. Storing it does not wait for the settlement,
// which may be refused because of a backlog.
//
// # Raw
//
// An assistant may want webhooks as they came. Then the events of one conversation in a body that
// are settled together (parts) share one relay event, which is queued with the first of them that
// is fresh. The relay event holds the whole body if these events are all of the body and the body
// says nothing about anybody else: nothing was skipped or dropped, and there is no list of unknown
// content. Otherwise it holds the provider's envelope around these events alone. So no item gets to
// another conversation, let alone another tenant (I10), and a body is stored once for each
// conversation that it has items of.
//
// If the lead of an event cannot be found, the earlier events of the same contact or group wait
// too. The provider will send the body again, and the shared relay event would then deliver those
// earlier events a second time.
//
// A callback of Gupshup version 2 has no parts. The rare one that is about several users comes in
// Meta's shape.
//
// # What is not relayed
//
// History imports are dropped, unless the channel's assistant asks for them. Then they are relayed
// in the queue of the lead they are about, and have no other effect. What the provider says to us
// alone (connectivity checks) goes no further.
//
// # Times
//
// The window counts from the provider's timestamp. If the timestamp is missing or not credible
// (providers.Instant), the event opens no window. It is still relayed, and still counts as a reply.
// Gupshup version 2 tells only Gupshup's own time. A margin is subtracted from that time, or from
// the time of arrival if none is told.
//
// # Opt-out
//
// A message that is nothing but one of the opt-out words opts its lead out. So does a tap on a
// template's quick reply whose payload is one of the words. The payload is the button's label,
// unless the sender of the template set another one. In that case the payload says what the tap
// means ("Cancelar" may cancel a visit), and only the sender can interpret it. Taps on the buttons
// and lists of a session are answers to whoever offered them: there "Sair" leaves a menu.
//
// A stop or a resume counts as of its own time, a stop as of the latest time that it can have:
// without the margin, or as of now if no time is known. A resume without a known time lifts
// nothing; the tenant can lift the opt-out.
package ingest
