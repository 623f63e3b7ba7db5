// Package runner makes due steps happen: it claims them, decides by
// followup.Decide, has the AI's text written, sends through the one
// followup.Sender, and records the outcome. It knows no provider, no model and
// no Redis.
//
//	claim ─ crashed? ────────────────────────────────→ finish uncertain
//	  │
//	decide ─ skip, end ──────────────────────────────→ finish
//	  │ ▲
//	  │ └── AI failed · window closed · paused · opted out: decide again
//	write (AI only)
//	  │
//	send: pacing ─ full ─────────────────────────────→ ask again, with what was written
//	        └─→ guard → provider ─ stale ────────────→ nothing: it is not ours any more
//	  │                    └─ not sent, may be tried later → release until then
//	finish → next step armed, or the run ends
//
// What it promises:
//   - A step whose guard said no is not sent; who voided it has recorded why.
//   - A result that came is recorded even while Redis is away for a moment or
//     the program is told to stop. Only a crash loses it; then the lease runs
//     out, and whoever claims the step next records it as uncertain.
//   - A step that cannot be finished now (Redis away, stop) is given back unspent.
//   - A step that panics costs no other one. If it may be with the provider it is
//     left as a crash leaves it, else put off like one that was refused, as often
//     and no longer. One that ends the whole program each time, and so leaves nobody
//     to put it off, has the leases counted that run out one after another.
//
// What a step may spend is bounded by what it is spent on, and by nothing else:
//
//	the provider would not take it (throttled, transient)  MaxTries, each with a back-off
//	its worker died before anything could be sent          MaxLapses in a row
//	the channel's own pacing                               MaxLateness: it is no try
//
// Who waits for pacing counts as one in hand of its tenant, so that no more is claimed of
// him than his channels take; its worker is for other tenants meanwhile, if not too many wait.
// A tenant's channel that stays full so holds up his other ones. Rejected: to release the
// step, as its text would be written again each time.
//
// The poller never waits for a model or a provider: it claims no more than
// there are free workers, and every step runs on its own goroutine. One that waits
// for the model gives its worker to others meanwhile; so many may wait, and no more,
// before steps that need the model hold workers. Who has his text waits for a worker of his
// tenant, so that texts that come at once do not pass the bound of that.
package runner
