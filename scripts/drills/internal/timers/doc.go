// Package timers breaks wagate while it follows leads up, and keeps an account of what
// became of every step.
//
// # Who there is
//
// Four wagates share one Redis that syncs every write (durability always), or a Redis
// Cluster of three masters with a replica each (durability replicas:1). Their clock
// runs 900 times as fast: half an hour is two seconds. One tenant is large and has eight
// channels, the others are small; each has another ladder. Leads get a status that
// triggers by the timetable of the seed, some after they wrote, some with a window that
// is about to close, some who never wrote. Nearly half of them are silent. The others
// answer, say STOP, get another status or have their run cancelled: at any time, just
// when the model was asked for their text, just when it gives it, just when the provider
// has read the message, or just when it is about to answer.
//
// The provider says "not now" (429, 130429, 131016), breaks (502, 131000), resets the connection after
// it has read the message or never answers, each with and without sending it,
// refuses (131026) and says that the window is closed (131047). Its receipts come before the
// answer, soon, late or never; some say that the message failed after all. The model is slow at times, at
// times out of order, and at times writes what cannot be sent.
//
// # What breaks
//
// Every second a wagate is killed with SIGKILL and started again. Redis is killed with
// SIGKILL and started again on its files; the script cache is flushed. In a Cluster
// masters are killed and their replicas promoted, and slots that hold leads move from
// one master to another, some keys at a time.
//
// # The account
//
// It is drawn up for each lead from what the simulators noted and from what the API says
// of its runs. The clock is known from the API as well, to half of a round trip.
//
// A call belongs to the run that had begun half an hour before it, by domain time: no run sends
// sooner, and what an earlier run had let go has arrived by then. Which step it is tells its
// text, which the model wrote for one step, or the template's parameter.
//
// Between the guard and the moment at which the provider notes the call, time passes that
// nobody can measure from outside: the call is given 1.33 s, so a call that the provider
// notes within 1.9 s of a reply (at 900 times the speed of time) may have been let go before it. That margin (reach) would hide
// much, so there is a sharper rule beside it: a text that the model gave after wagate
// had answered the reply's webhook with 200 was guarded after it, and must never be seen,
// not a millisecond later. For windows there is the margin alone, which is half an hour
// of domain time: windows close at any moment of four hours.
//
//	messages_after_a_reply_or_stop   a call for a run after a reply, an opt-out, another status or a
//	                                 cancellation that wagate had acknowledged
//	messages_twice                   two messages of one step reach the lead
//	calls_repeated_…                 a call for a step after one that may have been sent, or was refused for good
//	free_form_…                      a text after the window closed, or after the provider said so
//	recorded_sent_…                  sent by the timeline, and the provider never had it
//	recorded_not_sent_…              the provider sent it, and no step says sent or uncertain
//	receipts_that_settled_nothing    acknowledged, of a step that is still uncertain, or sent though it failed
//
// SIGKILL leaves to the kernel what Redis has written, so this does not show what a
// power cut would take.
package timers
