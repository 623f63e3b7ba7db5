// Package inbound breaks what webhooks go through on their way in, and keeps an
// account of what became of them.
//
// # Who there is
//
// Two wagates share one Redis that syncs every write (durability always), or a Redis
// Cluster of three masters with a replica each (durability replicas:1). Seven
// tenants, five at Meta under two apps and two at Gupshup, have an assistant each:
//
//	calm, quiet   write little, and their assistants take everything
//	flood         writes ten times as much as a calm one
//	slow          its assistant takes up to half a second, and at times never answers
//	failing       its assistant answers a third of the tries with 500, 429, 503 or a reset
//	picky         its assistant rejects some texts with 422, which ends in the dead letters
//	raw           its assistant gets webhooks as they came, or what of them is a conversation's
//
// Webhooks are single texts and statuses and batches of up to 40 of them, at Meta
// of several tenants, at Gupshup in versions 2 and 3. The providers are Meta's kind:
// what is not answered 200 within 5 s is posted again, at once and then ever later
// (days are seconds here), to any of the wagates, also one that is down; and some of
// what was acknowledged comes again, at once or later, at Gupshup also in the other
// version. Among them are forged webhooks: without a signature, with another app's,
// another body's, or none worth the name, and well signed by an app to which the
// number is not bound; half of them under the id that the lead's next text will have.
// What statuses are about, the assistants have sent through the API; at Gupshup the quiet
// one's, while the picky one's are of messages that nobody knows.
//
// # What breaks
//
// First come windows in which nothing does: quiet ones, in which only the calm
// tenants write, and loud ones, in which all do, in turn. What is compared is the
// p99 of the calm tenants' texts from the instant they were due to be posted (by a
// timetable that waits for nobody) until their assistant had read them; the medians
// of five windows each. Nothing that is killed is in them: whoever waits for a Redis that
// is started again says nothing about his neighbours. All processes, the simulators'
// included, share the machine, and a loud window has six times the work of a quiet one, so
// beside the times stands how busy its processors were: where they have no time left, the
// calm tenants wait for these like everybody else, and the ratio says more of the
// machine than of wagate.
//
// Then comes the storm, on top of assistants as they are. Instants, down times and
// moments come from the seed:
//
//	wagate killed     with SIGKILL, one or both; some at any time, others just after a
//	                  webhook was written to it or a delivery has reached an assistant
//	redis killed      with SIGKILL, and started again on its files; at times both wagates too
//	wagate frozen     with SIGSTOP, with a delivery in flight, until its leases have run out
//	redis frozen      for a few seconds
//	scripts flushed
//
// In a Cluster, scripts are flushed on all nodes, and the others are
//
//	redis killed      the master of a slot, with SIGKILL, until its replica has taken over; it
//	                  comes back as a replica. Every other one's replica has heard nothing of it for
//	                  a second before that: what only the master knew is gone, so whoever
//	                  acknowledges or delivers what no replica has loses it or doubles it
//	redis frozen      the master of a slot, which may cost it its place
//	slot moved        to another master, some keys at a time, while webhooks pour in: that of some
//	                  leads, or that of a tenant
//
// Whatever befalls Redis, wagates are killed and frozen meanwhile, too.
//
// SIGKILL leaves to the kernel what Redis has written, so this does not show what a
// power cut would take, which is what syncing every write is for.
//
// # The account
//
// It is drawn up from what the simulators noted. A lead's events are posted one after
// the other, the next one when the one before is acknowledged, so the order in which
// they were settled is theirs, and that in which the assistant is first shown them, and
// first takes them, must be the same.
//
//	lost        acknowledged with 200, and neither taken by an assistant with 2xx nor
//	            in the dead letters (as "wagate dead" lists them)
//	doubled     shown under two webhook-ids; one that the assistant rejected does not
//	            count, because its events come again one by one. The same webhook-id may
//	            come again, with the same body: that is at least once over HTTP
//	reordered   first shown, or first taken, after a later one of its lead
//	forged      shown though only a forged webhook said it, or acknowledged though
//	            the signature was wrong
//
// In the end all dead letters are replayed, and must arrive. Beside that the account has
// whatever else must not be: never acknowledged though all was well in the end,
// shown to another tenant, changed from one try to the next, badly signed, sent by
// nobody; and a wagate that ended by itself.
package inbound
