// Package providers is the vocabulary wagate speaks about WhatsApp, whoever
// carries the messages: what came in (Event), what goes out (Message), how a
// provider's failure is to be taken (Error).
//
// It is a leaf: it imports nothing of the project and does no I/O. The
// packages below it (meta, gupshup) translate between this vocabulary and one
// provider's wire format, and nothing else; cloudapi, transport and secret are
// what they share.
//
// One shape for content. Everything inbound is carried as the value of a Cloud
// API webhook change, everything outbound as the body of a Cloud API send. An
// assistant written for the Cloud API therefore works unchanged behind wagate,
// and a kind of message that Meta adds tomorrow passes through untouched. The
// rejected option, a struct per message kind, loses every field it does not
// know.
package providers
