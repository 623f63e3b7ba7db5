// Package runner carries out due steps. It claims a step, decides what to do with it
// (followup.Decide), has the AI text written if there is one, sends the message through the one
// followup.Sender, and records the outcome. It knows no provider, no model and no Redis.
//
//	claim ─ crashed? ────────────────────────────────→ finish uncertain
//	  │
//	decide ─ skip, end ──────────────────────────────→ finish
//	  │ ▲
//	  │ └── AI failed · window closed · paused · opted out: decide again
//	write (AI only)
//	  │
//	send: pacing ─ full ─────────────────────────────→ wait, ask again with the same text
//	        └─→ guard → provider ─ stale ────────────→ nothing: another worker or event owns the step
//	  │                    └─ not sent, retryable ───→ release until later
//	finish → next step armed, or the run ends
//
// Guarantees:
//   - A step that the guard refused is not sent. If a reply, a cancel or another event made it
//     void, that event has recorded why.
//   - A known result is recorded even if Redis is unreachable for a moment or the program is told
//     to stop. Only a crash loses it. The lease then runs out, and the worker that claims the step
//     next records it as uncertain.
//   - A step that cannot be finished at the moment (Redis unreachable, stop) is released unspent.
//   - A step that panics affects no other step. If the message may have reached the provider, the
//     step is left as a crash would leave it. Otherwise it is put off like a step that the provider
//     refused, with the same limit on tries. A step that brings down the whole program every time
//     cannot be put off by its worker. For that case the store counts the leases of the step that
//     run out in a row.
//
// Each cause of delay has a limit of its own, and counts against no other limit:
//
//	the provider refused for the moment (throttled, transient)  MaxTries, each with a back-off
//	the worker died before anything could be sent               MaxLapses in a row
//	the channel's own pacing                                    MaxLateness; costs no try
//
// A step that waits for pacing still counts as one of its tenant's steps in hand, so that no more
// steps of the tenant are claimed than its channels can take. Its worker serves other tenants
// meanwhile, unless too many steps wait already. A channel that stays full therefore also holds up
// the tenant's other channels. The alternative, releasing the step, was rejected: its text would
// have to be written again each time.
//
// The poller never waits for a model or a provider. It claims no more steps than there are free
// workers, and every step runs on its own goroutine. A step that waits for the model lends its
// worker to other steps. The number of such steps is bounded (Params.Writing); beyond the bound, a
// step that waits for the model keeps its worker. When its text is written, a step waits until its
// tenant is below Params.PerTenant, so that many texts finished at once do not exceed that bound.
package runner
