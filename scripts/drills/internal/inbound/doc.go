// Package inbound breaks wagate while it takes in webhooks and relays them, and keeps an account of
// what became of every event.
//
// # Who takes part
//
// Two wagates share one Redis that syncs every write (durability always), or a Redis Cluster of
// three masters with a replica each (durability replicas:1). There are seven tenants, five at Meta
// under two apps and two at Gupshup. Each has one assistant:
//
//	calm, quiet   writes little, and its assistant takes everything
//	flood         writes ten times as much as a calm tenant
//	slow          its assistant takes up to half a second, and at times never answers
//	failing       its assistant answers a third of the tries with 500, 429, 503 or a reset
//	picky         its assistant rejects some texts with 422; these become dead letters
//	raw           its assistant gets webhooks as they came, or narrowed to one conversation
//
// Webhooks are single texts and statuses, and batches of up to 40 of them. A batch of Meta's may
// hold events of several tenants; Gupshup posts in versions 2 and 3. The providers behave like
// Meta: a webhook that is not answered 200 within 5 s is posted again, at once and then at growing
// intervals (seconds stand for days), to any of the wagates, even one that is down. Some
// acknowledged webhooks are repeated, at once or later, at Gupshup also in the other version.
//
// Some webhooks are forged. They have no signature, the signature of another app or of another
// body, or a malformed one; or they are well signed by an app to which the number is not bound.
// Half of them carry the id that the lead's next text will have.
//
// Statuses are about messages that the assistants have sent through the API. At Gupshup only the
// quiet tenant's assistant sends; the picky tenant's statuses are about messages that wagate does
// not know.
//
// # What breaks
//
// First come windows of time in which nothing breaks: quiet ones, in which only the calm tenants
// write, and loud ones, in which all tenants do, in turn. The drill compares the p99 of the calm
// tenants' texts, from the instant when a text was due to be posted (by a timetable that waits for
// nobody) until the assistant had read it, by the medians over five windows of each kind. Nothing
// is killed in these windows: how long texts wait for a Redis that restarts says nothing about
// neighbours. All processes share the machine, the simulators included, and a loud window has six
// times the work of a quiet one. So the drill also prints how busy the processors were: where they
// have no time left, the calm tenants wait for them like everybody else, and the ratio says more
// about the machine than about wagate.
//
// Then comes the storm, while the assistants behave as described above. The instants, down times
// and moments follow from the seed:
//
//	wagate killed     with SIGKILL, one or both, at any time or just after a webhook was written to
//	                  it or a delivery has reached an assistant
//	redis killed      with SIGKILL, and started again on its files; at times both wagates too
//	wagate frozen     with SIGSTOP, with a delivery in flight, until its leases have run out
//	redis frozen      for a few seconds
//	scripts flushed
//
// In a Cluster, scripts are flushed on all nodes, and the other faults of Redis are these:
//
//	redis killed      the master of a slot, with SIGKILL, until its replica has taken over; the
//	                  master comes back as a replica. Every other time, the replica has heard
//	                  nothing from the master for about a second before: what only the master knew
//	                  is gone, so a wagate that acknowledges or delivers what no replica has loses
//	                  or doubles it
//	redis frozen      the master of a slot, which may be replaced meanwhile
//	slot moved        to another master, a few keys at a time, while webhooks pour in: a slot of
//	                  leads, or of a tenant
//
// Wagates are killed and frozen while Redis is broken, too.
//
// SIGKILL leaves to the kernel what Redis has written. So the drill does not show what a power cut
// would take; syncing every write guards against that.
//
// # The account
//
// The account is drawn up from what the simulators noted. The events of a lead are posted one after
// the other, each once the previous one is acknowledged. So the order in which they were settled is
// known, and the assistant must first be shown them, and first take them, in that order.
//
//	lost        acknowledged with 200, and neither taken by an assistant with 2xx nor in the dead
//	            letters (as "wagate dead" lists them)
//	doubled     shown under two webhook-ids. A webhook-id that the assistant rejected does not
//	            count, because its events come again one by one. The same webhook-id may come
//	            again with the same body: delivery over HTTP is at least once
//	reordered   first shown, or first taken, after a later event of its lead
//	forged      shown although only a forged webhook said it, or acknowledged although the
//	            signature was wrong
//
// In the end all dead letters are replayed and must arrive. The account also counts everything else
// that must not happen: events never acknowledged although all was well in the end, shown to
// another tenant, changed from one try to the next, badly signed or sent by nobody; and a wagate
// that ended by itself.
package inbound
