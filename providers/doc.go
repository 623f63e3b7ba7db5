// Package providers is wagate's provider-neutral vocabulary for WhatsApp: what came in (Event),
// what goes out (Message), and what a provider's failure means (Error).
//
// The package is a leaf: it imports nothing of the project and does no I/O. Packages meta and
// gupshup below it translate between this vocabulary and one provider's wire format, and do nothing
// else. Packages cloudapi, transport and secret are what the two share.
//
// Content has one shape. Everything inbound is carried as the value of a Cloud API webhook change,
// everything outbound as the body of a Cloud API send. An assistant written for the Cloud API
// therefore works unchanged behind wagate, and a new kind of message that Meta adds passes through
// untouched. The alternative, one struct per kind of message, was rejected: it would lose every
// field it does not know.
package providers
