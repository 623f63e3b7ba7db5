// Package poll is the loop behind everything that becomes due: the step poller
// and the relay poller differ in what a turn does, not in when turns happen.
//
// A turn claims and starts what is due, and tells how long until something else
// will be. The loop then sleeps that long, within bounds, or until somebody who
// knows of earlier work wakes it:
//
//	turn says      the loop
//	wait d         sleeps d, at least Min, at most Max; Wake cuts it to Min
//	error, panic   sleeps a growing, jittered back-off; Wake does not cut it
//	ctx cancelled  returns after the turn that is running
//
// A wake is never lost: one that comes while a turn runs starts another turn
// after it. Wakes are coalesced: any number of them lead to one turn, and never
// to turns closer together than Min, so a busy ingress cannot turn the poller
// into a busy loop. A wake does not cut a back-off short, because what wakes
// the loop says nothing about the trouble that it waits out.
//
// The loop never gives up. It logs when trouble starts and when it is over, not
// every failing turn.
package poll
