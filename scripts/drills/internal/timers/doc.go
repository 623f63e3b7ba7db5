// Package timers breaks wagate while it follows up leads, and keeps an account of what became of
// every step.
//
// # Who takes part
//
// Four wagates share one Redis that syncs every write (durability always), or a Redis Cluster of
// three masters with a replica each (durability replicas:1). Their domain clock runs 900 times as
// fast as real time: half an hour is two seconds. One tenant is large and has eight channels, the
// others are small; each has another ladder.
//
// Leads get a trigger status by the timetable that follows from the seed: some after they wrote,
// some with a window that is about to close, some without ever having written. Nearly half of them
// stay silent. The others answer, say STOP, get another status or have their run cancelled: at any
// time, just when the model is asked for their text, just when it gives the text, just when the
// provider has read the message, or just when the provider is about to answer.
//
// The provider says "not now" (429, 130429, 131016), breaks (502, 131000), resets the connection
// after it has read the message or never answers (each with and without sending the message),
// refuses (131026) and says that the window is closed (131047). Its receipts come before the answer,
// soon, late or never; some say that the message failed after all. The model is slow at times, fails
// at times, and at times writes what cannot be sent.
//
// # What breaks
//
// Every second a wagate is killed with SIGKILL and started again. Redis is killed with SIGKILL and
// started again on its files, and the script cache is flushed. In a Cluster masters are killed and
// their replicas promoted, and slots that hold leads move from one master to another, a few keys at
// a time.
//
// # The account
//
// The account of a lead is drawn up from what the simulators noted and from what the API says about
// the lead's runs. The domain clock is read through the API too, as exactly as half of a round trip.
//
// A call belongs to the run that had begun half an hour of domain time before it: no run sends
// sooner, and what an earlier run let go has arrived by then. The text of a call tells which step it
// is: the model wrote it for one step, or the template's parameter names the step.
//
// Nobody can measure from outside how much time passes between the guard and the moment at which the
// provider notes the call. wagate gives the call 1.33 s, so a call that the provider notes within
// 1.9 s of a reply (at 900 times the speed of time) may have passed the guard before it. That margin
// (reach) would hide much, so there is a sharper rule beside it: a text that the model gave after
// wagate had answered the reply's webhook with 200 was guarded after the reply, and the provider
// must never see it, not even a millisecond later. For windows there is only the margin, which is
// half an hour of domain time; but windows close at any moment of four hours.
//
//	messages_after_a_reply_or_stop   a call for a run after a reply, an opt-out, another status or a
//	                                 cancellation that wagate had acknowledged
//	messages_twice                   two messages of one step reach the lead
//	calls_repeated_…                 a call for a step after one that may have been sent, or that was
//	                                 refused for good
//	free_form_…                      a text after the window closed, or after the provider said that
//	                                 it was closed
//	recorded_sent_…                  sent by the timeline, but the provider never had the message
//	recorded_not_sent_…              the provider sent it, but no step says sent or uncertain
//	receipts_that_settled_nothing    an acknowledged receipt, but its step is still uncertain, or is
//	                                 sent although the receipt says failed
//
// SIGKILL leaves to the kernel what Redis has written, so the drill does not show what a power cut
// would take.
package timers
