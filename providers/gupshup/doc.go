// Package gupshup translates between wagate's vocabulary and Gupshup: callbacks
// of both versions in, messages through both API families out. It keeps no state
// but a list of templates, and decides nothing about windows, retries or
// duplicates.
//
// # Callbacks
//
// Decode tells the two versions by their shape. Gupshup signs neither: who
// calls it has checked the token, and must still ask Inbound.From whether the
// body is about the channel's own app (invariant I10). Version 3 is Meta's
// envelope; cloudapi reads it and v3.go adds what Gupshup adds. Version 2 is
// Gupshup's own, and every event of it is relayed as the Cloud API change that
// a bot already understands:
//
//	v2 type                      kind                   field, what it becomes
//	message
//	  text                       text                   messages, text{body}
//	  image video audio voice
//	  sticker                    the same, audio        {id, url, mime_type, caption, url_expiry}
//	  file document              document               the same, filename
//	  location                   location               coordinates as numbers
//	  contact contacts           contacts               camelCase members as snake_case
//	  list_reply                 interactive            list_reply{id, title, description}
//	  quick_reply button_reply   interactive            button_reply{id, title}
//	  any, inner type "button"   button                 button{payload, text}: a template's quick reply
//	  reaction                   reaction, …_removed    reaction{message_id, emoji}
//	  anything else, so order
//	  and nfm_reply              unsupported            unsupported{type}, errors[131051]; payload under "gupshup"
//	  with any: context          -                      context{id, from, forwarded, frequently_forwarded}
//	  with any: referral         -                      referral, as it came
//	message-event
//	  sent delivered read        status                 messages, statuses[]; conversation, pricing in Meta's words
//	  failed                     status                 statuses[] with errors[]
//	  deleted                    revoke                 revoke{original_message_id}: the user's own message
//	  enqueued                   status: accepted       message-event, statuses[], as WhatsApp has no such state
//	  mismatch others …          status: other          likewise; mismatch with the user's real wa_id in contacts
//	user-event
//	  sandbox-start, any of
//	  callbackSetPhone           platform               as it came
//	  opted-out                  preference: stop       user_preferences
//	  opted-in …                 account                as it came: bookkeeping, undoes no stop
//	template-event
//	  category-update, or no
//	  status                     template: category     template_category_update
//	  any other                  template: status       message_template_status_update{event, reason, other_info}
//	preference-event             preference             user_preferences, one event per choice
//	account-event, billing-event,
//	system-event                 account                as it came, under Gupshup's name
//	platform-event               platform               as it came
//	anything else                unknown                the whole body
//
// Version 3 has Meta's fields, which cloudapi reads as Meta's (its table); and
// Gupshup's own:
//
//	v3 field                     kind                   field, what it becomes
//	messages, status enqueued    status: accepted       message-event, as in v2
//	billing-event, account-event,
//	system-event                 account                as it came, under Gupshup's name
//	platform-event, user-event   platform               as it came
//	preference-event             preference             user_preferences, if it holds any, else unknown
//	template-event               template               as in v2, if it names a template, else unknown
//
// The last two are documented for version 2 only, and cost nothing to take.
//
// Every scalar of v2 is read as string or number, and a member of an unexpected
// type costs only itself: Gupshup's samples contradict each other. A message
// that names nobody is skipped and counted; a user without phone is somebody.
//
// Ids. A message has its WhatsApp id, so both versions of it are one event. A
// report has status:<id the send call returned>:<state>; that id is gsId (v3:
// gs_id) where there is one, else id. gsId ends a week after the send and the
// WhatsApp id is told by enqueued alone, so a report carries all ids it knows as
// OtherIDs. A relayed v2 report has gs_id where gsId told it, and when enqueued;
// else its id may be WhatsApp's. A change of a template has what it says and the
// minute of it: the times that the two versions tell differ by a moment. The price of a
// message has the message and what was decided. All else has a hash of the item.
//
// Times. A v2 message has Gupshup's clock only: its time, for the window and in
// the relayed timestamp, is a minute earlier (v2Margin). Reports have WhatsApp's.
// A callback without any time gives an event without one; of a v2 message the
// margin is known all the same, so that whoever takes it in can use its arrival.
//
// Media. v2 has an address and no id; id is that address, as Cloud API bots take
// a message without one for broken, and url is it too. It is fetched without a
// token, which must never be sent there, and lives until url_expiry
// (milliseconds; a week).
//
// metadata.phone_number_id is the id under which the assistant sends on the
// channel (Options), in both versions, so that a bot can answer to what it reads.
//
// # Sending
//
// v2 (api.gupshup.io, forms) takes text, media, location, one contact,
// reaction, buttons, lists and templates. Anything without a documented word in
// v2 (flows, link buttons, products, addresses, media headers by id) is refused
// with 131051 before a call; the rejected option, sending something alike, turns
// an error into a wrong message. These members are not on Gupshup's current
// pages and are sent in good faith: location, contact, reaction{msgId, emoji},
// context{msgId}, and a user id as destination. v2 has no opaque field; the
// message's travels as msgid of buttons and lists, where one is required.
//
// A v2 template is sent by Gupshup's id of (name, language), found in a list that
// is kept for ten minutes and asked for again when it has no usable answer, when
// a send is refused with 1005, 4003, 4005 or 132001, and on Forget. No other
// language ever stands in. Media headers and quick reply payloads are sent; where
// a text header's or a link button's parameter would stand in the one flat list
// of parameters is not documented, so such templates, named parameters and
// authentication templates are refused as template errors.
//
// v3 (partner.gupshup.io) takes Meta's body as it is, so to has Meta's leading
// plus sign; a v2 destination is digits.
//
// Accepted is a success status with an id and no word of an error. It promises
// nothing about the recipient: a closed window is accepted and fails later, by
// callback. What cannot be known (a time-out after writing, a reset, a bare 5xx,
// a success without id) is MaybeSent; a failure to list templates never is, as
// the message had not been sent.
//
// # Codes
//
// One number space holds Gupshup's own codes, those of the retired on-premises
// API and the Cloud API's; Classify asks its own table first. 1006 to 1008 (not
// opted in and inactive) count as a closed window, as a template settles them. A report is
// relayed with Meta's code of the same meaning, as bots act by those, and Gupshup's beside it as
// gupshup_code.
package gupshup
