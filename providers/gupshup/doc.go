// Package gupshup translates between wagate's vocabulary and Gupshup: inbound callbacks of both
// versions, and outbound messages through both API families. Its only state is a list of templates.
// It makes no decisions about windows, retries or duplicates.
//
// # Callbacks
//
// Decode distinguishes the two versions by their shape. Gupshup signs neither. The caller must
// check the token first, and must then ask Inbound.From whether the body is about the channel's own
// app (invariant I10). Version 3 is Meta's envelope: cloudapi reads it, and v3.go handles Gupshup's
// additions. Version 2 is Gupshup's own. Each of its events is relayed as the Cloud API change that
// bots already understand:
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
//	  anything else, also order
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
// Version 3 has Meta's fields, which cloudapi reads as it reads Meta's (see its table), and fields
// of Gupshup's own:
//
//	v3 field                     kind                   field, what it becomes
//	messages, status enqueued    status: accepted       message-event, as in v2
//	billing-event, account-event,
//	system-event                 account                as it came, under Gupshup's name
//	platform-event, user-event   platform               as it came
//	preference-event             preference             user_preferences, if it holds any, else unknown
//	template-event               template               as in v2, if it names a template, else unknown
//
// The last two are documented for version 2 only. Accepting them in version 3 costs nothing.
//
// Every scalar of v2 is read as a string or a number, and a member of an unexpected type loses only
// itself, because Gupshup's samples contradict each other. A message that names no user is skipped
// and counted; a user id without a phone is enough.
//
// Ids. A message has its WhatsApp id, so that both versions of it are one event. A report has
// status:<id the send call returned>:<state>. That id is gsId (v3: gs_id) if present, else id. A
// week after the send, reports stop having gsId, and only enqueued tells the WhatsApp id. A report
// therefore lists all ids that it knows in OtherIDs. A relayed v2 report has gs_id if gsId tells it
// or the state is enqueued; in others, its id may be WhatsApp's. A template change has an id made
// of its content and the minute, because the times that the two versions report differ by a moment.
// The price of a message has an id made of the message and the decision. Everything else has a hash
// of the item.
//
// Times. A v2 message has only the time of Gupshup's clock. Its time, for the window and in the
// relayed timestamp, is a minute earlier (v2Margin). Reports have WhatsApp's time. A callback
// without any time gives an event without one. A v2 message without a time still has its Margin, so
// that the receiver can use the time of arrival.
//
// Media. v2 has an address and no id. Both id and url are set to that address, because Cloud API
// bots reject media without an id. The address is fetched without a token, which must never be sent
// there, and is valid until url_expiry (milliseconds; a week).
//
// metadata.phone_number_id is the id under which the assistant sends on the channel (Options), in
// both versions, so that a bot can answer on the number it reads.
//
// # Sending
//
// v2 (api.gupshup.io, forms) sends text, media, location, one contact, reaction, buttons, lists and
// templates. Anything that v2 does not document (flows, link buttons, products, addresses, media
// headers by id) is refused with 131051 before a call. The alternative, sending something similar,
// was rejected: it turns an error into a wrong message. The following members are missing from
// Gupshup's current pages and are sent in good faith: location, contact, reaction{msgId, emoji},
// context{msgId}, and a user id as destination. v2 has no opaque field; the message's opaque data
// is sent as the msgid of buttons and lists, where v2 requires one.
//
// A v2 template is sent by Gupshup's id for (name, language). The id is found in a list that is
// kept for ten minutes. The list is fetched again if it has no usable entry, if a send is refused
// with 1005, 4003, 4005 or 132001, and after Forget. Another language is never substituted. Media
// headers and quick reply payloads are sent. v2 has one flat list of parameters, and it is not
// documented where the parameter of a text header or a link button belongs in it. Such templates
// are refused as template errors, as are named parameters and authentication templates.
//
// v3 (partner.gupshup.io) takes Meta's body unchanged, so its to has Meta's leading plus sign. A v2
// destination is digits only.
//
// A message counts as accepted if the answer has a success status, an id and no error. Acceptance
// promises nothing about the recipient: a message into a closed window is accepted and fails later,
// by callback. If the result cannot be known (a timeout after writing, a reset, a bare 5xx, a
// success without an id), the error is MaybeSent. A failure to list templates is never MaybeSent,
// as the message was not sent yet.
//
// # Codes
//
// Gupshup's own codes, those of the retired on-premises API and those of the Cloud API share one
// range of numbers. classify consults its own table first. 1006 to 1008 (not opted in and inactive)
// count as a closed window, because a template resolves them. A failed report is relayed with
// Meta's code of the same meaning, because bots act on Meta's codes; Gupshup's code is added as
// gupshup_code.
package gupshup
