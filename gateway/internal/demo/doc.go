// Package demo plays the whole story of wagate in one process, on loopback and
// with a fast clock: leads write, get answers, go quiet, and get their
// follow-ups. It shows a newcomer what wagate does, and it is the smallest
// end-to-end test there is, for it checks what it shows.
//
// Nothing is short-circuited. The gateway is app.App with a file as an operator
// writes it (operator.yaml) and the embedded Redis; Meta, Gupshup and the model
// are servers that speak the real protocols; the assistant is a bot as anybody
// may write it for the Cloud API; the tenant configures by the public API
// (followup.json). All of them talk over HTTP.
//
// For who wants to write one of these: assistant.go is a bot, tenant.go a
// client of the /backend API, lead.go somebody with a phone.
//
// The story waits for what happens, never for time to pass: each part notes in
// the journal what it saw, and the story waits for the note. That one day passes
// in six or ten seconds (world.go) is a choice: thirty minutes are then more than
// 0.1 s, an order of magnitude more than the calls of a step take, so that the story
// reads as it would at normal speed. Its order does not depend on that.
//
// All that has a clock in this world goes by the same one, the gateway's domain
// time: Meta and the gateway must agree on when a window closes.
//
// The end is an account (account.go): the timelines that the gateway tells are
// held against the simulators' own logs, message by message, and so are its
// metrics. Whatever differs, or was early, or should not have been, is told in a
// sentence, and the demo fails.
package demo
