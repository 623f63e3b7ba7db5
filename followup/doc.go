// Package followup is the domain: who gets which message when, and what must
// hold about it. It is pure. It does no I/O, starts no goroutine and reads no
// clock; every instant is an argument.
//
// Where to look:
//
//	decide.go     what is sent when: the table of step × window, late, skip
//	effects.go    what each kind of inbound event does to window and reply
//	ladder.go     which steps a channel's ladder has, and their times
//	validate.go   what a config must look like, with every problem at once
//	warnings.go   what is accepted but may not do what was meant
//	body.go       JSON with the path of everything in it; fields.go its readers
//	interval.go   ISO 8601 durations as follow-up reads them
//	variables.go  {{LEAD_NAME}} and the others; prompt.go the same in what the model is told
//	plan.go       which run a change of status starts
//	optout.go     the message by which a lead opts out
//	phone.go      the spellings of one phone
//	store*.go     the contract with Redis, and every sentence that must hold
//	send.go       the ports through which messages leave
//
// Below it: window (arithmetic of the customer service window), runner (the
// poller and its workers), writer (the AI's text), redisstore and memstore (the
// contract on Redis and in memory), storetest (one suite for both).
package followup
