// Package cloudapi reads the Cloud API envelope, the shape in which Meta and Gupshup (v3) deliver
// webhooks, and knows the error codes that the two share. It does no I/O and imports only package
// providers of the project. It exists so that no provider package imports another; what Gupshup
// adds comes in through Options.
//
// # What Decode does
//
// A body is split into items, and every item becomes one event that stands alone. The event's Value
// is the value of the change, narrowed to that item, the contacts entry of its user and the scalar
// and object members beside them (metadata, messaging_product). What the entry says beside its
// changes is kept as Entry. Bytes that need no change are kept as they came, including escapes and
// the spelling of numbers, so that an assistant sees what Meta wrote.
//
//	field / member                       event, one per
//	messages    .messages                message, by its type; group if it has a group_id
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
// A Narrower works on a whole body: it keeps the provider's envelope around some of the items.
//
// # Guarantees
//
// A body that is not a JSON object is an error. Below that, items are independent: a malformed item
// is skipped and counted, and its neighbours go through. Nothing panics. Work and memory are a
// small multiple of the body: there are at most MaxItems events, and what is repeated for every
// item (metadata, a contact) is left out if it is absurdly large, by itself or in total (bound.go).
// Events keep no reference to the body. Invalid UTF-8 is replaced by U+FFFD once, before anything
// is read, so that every Value is valid.
//
// # Why not one struct per shape
//
// Structs lose the members that they do not know, and one member of an unexpected type fails its
// neighbours. Instead, the body is validated once (see valid, the one place to change the
// validator) and then read once by a scanner that notes where each value ends, so that no value is
// scanned again to find what follows it. Of duplicate keys the last one counts, as in
// encoding/json. A validator that accepts control characters in strings (sonic's default) was
// rejected: such a Value would fail when it is marshalled for the relay.
//
// # Ids
//
// A re-delivery gives an event the same id again, even if it comes as Gupshup v2:
//
//	message, echo      the provider's message id
//	status             status:<id the sender was given>:<state>        StatusEventID
//	call               call:<call id>:<event or status>
//	preference         preference:<category>:<value>:<unix seconds>    PreferenceEventID
//	template change    template:<hash of its content and the minute>, Gupshup only
//	price              billing:<hash of the message and the decision>, Gupshup only
//	history            history:<message id>, so that it never hides the live message
//	everything else    a hash of the item, the field, the account and entry time
package cloudapi
