// Package demo plays a whole story of wagate in one process, on loopback and with a fast clock:
// leads write, get answers, go quiet, and get their follow-ups. It shows newcomers what wagate
// does. Because it checks what it shows, it is also the smallest end-to-end test there is.
//
// Nothing is short-circuited. The gateway is app.App with a file as an operator writes it
// (operator.yaml) and the embedded Redis. Meta, Gupshup and the model are servers that speak the
// real protocols. The assistant is a bot as anybody may write it for the Cloud API. The tenant
// configures its follow-up through the public API (followup.json). All of them talk over HTTP.
//
// Three files are examples for readers who want to write the same: assistant.go is a bot,
// tenant.go is a client of the /backend API, and lead.go is somebody with a phone.
//
// The story waits for things to happen, never for time to pass: each part of the world notes in
// the journal what it saw, and the story waits for the note. A day passes in six or ten seconds
// (world.go), so that thirty minutes take more than 0.1 s. That is an order of magnitude more
// than the calls of a step take, and the story reads as it would at normal speed. Its order does
// not depend on that.
//
// Everything in this world that has a clock uses the same one, the gateway's domain time: Meta
// and the gateway must agree on when a window closes.
//
// At the end the story draws up an account (account.go). It compares the timelines that the
// gateway shows with the simulators' own logs, message by message, and compares the gateway's
// metrics with both. For everything that differs, was early or should not have happened it prints
// a sentence, and the demo fails.
package demo
