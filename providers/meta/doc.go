// Package meta translates between wagate and Meta's WhatsApp Cloud API: it
// verifies and decodes webhooks, sends messages and lists templates. It decides
// nothing about windows, retries or leads.
//
//	webhook signature   VerifySignature   HMAC-SHA256 of the raw body, any secret of a rotation
//	webhook body        Decode            the envelope of package cloudapi, as it is
//	send                Sender.Send       POST /{version}/{number}/messages
//	read, typing        Sender.Do         the same route, answer handed back raw
//	templates           Sender.Templates  GET /{version}/{waba}/message_templates
//
// # How an answer to a send is read
//
//	answer                               result
//	2xx with a message id                Sent
//	2xx without one                      unknown, may have been sent
//	error with a code, 2xx or not        cloudapi.Classify: table of codes
//	429 of any kind                      throttled, retryable
//	5xx without a code we know           transient, may have been sent
//	401, 403 without a code              operator
//	other 4xx without a code             invalid
//	no answer                            package transport: written or not
//
// # Decisions
//
// A recipient is dialled with a leading plus sign: without it Meta prefixes the
// business's country code. The business-scoped id is used only where no phone
// is known; if both were sent the phone would win.
//
// A template listing is paged by cursor. The ready-made next URL is not
// followed: it names a host of the answer's choosing, and may hold the token.
package meta
