// Package meta translates between wagate and Meta's WhatsApp Cloud API. It verifies and decodes
// webhooks, sends messages and lists templates. It makes no decisions about windows, retries or
// leads.
//
//	webhook signature   VerifySignature   HMAC-SHA256 of the raw body, any secret of a rotation
//	webhook body        Decode            the envelope of package cloudapi, unchanged
//	send                Sender.Send       POST /{version}/{number}/messages
//	read, typing        Sender.Do         the same route, answer returned as it came
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
// A phone is sent with a leading plus sign. Without it, Meta prefixes the country code of the
// business. The business-scoped id is sent only if no phone is known; if both were sent, Meta would
// use the phone.
//
// A template listing is paged by cursor. The next URL in the answer is not followed: the answer
// chooses its host, and the URL may contain the token.
package meta
