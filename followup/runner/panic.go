package runner

import (
	"wagate/followup"
	"wagate/followup/rescue"
)

// see sees a claimed step through, and outlives its panic: one that panics every
// time would else take down all replicas in turn.
func (r *Runner) see(c followup.Claimed) {
	p := r.passage(c)
	log := r.log.With("run_id", c.Run.ID)
	if rescue.Call(log, "step panicked", func() { p.through(r.work) }) {
		return
	}
	rescue.Call(log, "step panicked again, its lease will run out", p.panicked)
}

// panicked takes in that the passage panicked. What may be with the provider is
// left as a crash of the program leaves it: its lease runs out, and whoever claims
// it then knows what to do. Anything else is put off like a step that the provider
// would not take, as often, and has then failed for no reason that we know.
func (p *passage) panicked() {
	switch {
	case p.out:
	case p.c.Run.Tries < p.r.p.MaxTries:
		p.putOff(0)
	default:
		p.finish(followup.KindNone, followup.FinishStep{Outcome: followup.Failed, Reason: followup.Unknown})
	}
}
