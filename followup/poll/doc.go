// Package poll is the loop behind all work that becomes due. The step poller and the relay poller
// differ in what a turn does, not in when turns happen.
//
// A turn claims and starts the work that is due, and returns how long until more will be due. The loop
// then sleeps that long, within bounds, or until a caller that knows of earlier work wakes it:
//
//	turn says      the loop
//	wait d         sleeps d, at least Min, at most Max; Wake cuts it to Min
//	error, panic   sleeps a growing, jittered back-off; Wake does not cut it
//	ctx cancelled  returns after the turn that is running
//
// A wake is never lost: one that comes while a turn runs starts another turn after it. Wakes are
// coalesced: any number of them lead to one turn. Turns are never closer together than Min, so a busy
// ingress cannot turn the poller into a busy loop. A wake does not cut a back-off short, because the
// arrival of work says nothing about the failure that the loop is backing off from.
//
// The loop never gives up. It logs when turns begin to fail and when they succeed again, not every
// failed turn.
package poll
