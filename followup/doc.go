// Package followup is the domain: who gets which message when, and which rules hold for it. The
// package is pure. It does no I/O, starts no goroutine and reads no clock; every instant is an
// argument.
//
// Where to look:
//
//	decide.go     what is sent when: the table of step × window, lateness, skips
//	effects.go    what each kind of inbound event does to the window and the run
//	ladder.go     which steps a channel's ladder has, and when they come
//	validate.go   what a config must look like; reports every problem at once
//	warnings.go   what is accepted but may not do what was meant
//	body.go       parses JSON and keeps the path of every value; fields.go reads single fields
//	interval.go   ISO 8601 durations as follow-up reads them
//	variables.go  {{LEAD_NAME}} and the other variables; prompt.go fills them into prompts
//	plan.go       which run a change of status starts
//	optout.go     the messages by which a lead opts out
//	opener.go     to which phone or user id a window is open
//	holder.go     whether a phone still belongs to the lead it leads to
//	phone.go      the spellings of one phone
//	ids.go        the ids of leads, runs, attempts and stand-ins
//	outcome.go    the closed sets of outcomes, reasons and happenings
//	store*.go     the store contract, with everything an implementation must guarantee
//	send.go       the ports through which messages leave
//
// Packages below it: window (arithmetic of the customer service window), runner (the poller and its
// workers), writer (the AI text), redisstore and memstore (the contract on Redis and in memory),
// storetest (one test suite for both).
package followup
