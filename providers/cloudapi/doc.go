// Package cloudapi reads the Cloud API envelope, the shape in which Meta and
// Gupshup (v3) deliver webhooks, and knows the error codes both share. It does
// no I/O and imports only the vocabulary. Providers use it so that none of them
// imports another; Gupshup's additions come in through Options.
//
// # What Decode does
//
// A body is split into items, and every item becomes one event that stands
// alone: its Value is the change's value narrowed to that item, the contacts
// entry of its user and the scalar and object members beside them (metadata,
// messaging_product). What the entry says beside its changes goes along as
// Entry. Bytes that need no change are kept as they came, escapes
// and spelling of numbers included, so an assistant sees what Meta wrote.
//
//	field / member                       event, one per
//	messages    .messages                message, by its type; group_id wins: group
//	            .statuses                status
//	            .errors                  account
//	calls       .calls .statuses         call (user's call, accepted call of ours), else call_other
//	smb_message_echoes .message_echoes   echo
//	history     .history .messages       history
//	user_preferences                     preference
//	message_template_*, template_category_update   template
//	account fields, see fields.go        account
//	anything else                        unknown, relayed whole
//
// A Narrower does the same to a whole body: it leaves the provider's envelope
// around some of its items.
//
// # What it promises
//
// A body that is no JSON object is an error. Everything below that stands
// alone: an item that makes no sense is skipped and counted, and its neighbours
// go through. Nothing panics, and the work and memory are a small multiple of the
// body: there are no more than MaxItems events, and what is repeated for every
// item (metadata, a contact) is left out where it is absurdly large, by itself or
// with all others (bound.go). Events keep no reference to the body. Invalid UTF-8 becomes
// U+FFFD once, before anything is looked at, so that every Value is valid.
//
// # Why not a struct per shape
//
// Structs lose the members they do not know, and one member of an unexpected
// type fails its neighbours. The body is validated once (see valid, the one place
// to put another validator) and then read once by a scanner that notes where each
// value ends, so that nothing is gone over again to find what stands behind it;
// duplicate keys: the last one counts, as in encoding/json.
// A validator that lets control characters through (sonic's default) was
// rejected: such a Value would fail when it is marshalled for the relay.
//
// # Ids
//
// The id of an event is what a re-delivery yields again, from Gupshup v2 too:
//
//	message, echo      the provider's message id
//	status             status:<id the sender was given>:<state>        StatusEventID
//	call               call:<call id>:<event or status>
//	preference         preference:<category>:<value>:<unix seconds>    PreferenceEventID
//	a template's       template:<hash of what it says, and the minute>, Gupshup's alone
//	a price            billing:<hash of the message and what was decided>, Gupshup's alone
//	history            history:<message id>, so that it never hides the live message
//	everything else    a hash of the item, the field, the account and entry time
package cloudapi
