package runner

import (
	"wagate/followup"
	"wagate/followup/rescue"
)

// process runs a claimed step to its outcome and recovers from a panic. Without that, a step that
// panics every time would bring down all replicas in turn.
func (r *Runner) process(c followup.Claimed) {
	p := r.passage(c)
	log := r.log.With("run_id", c.Run.ID)
	if rescue.Call(log, "step panicked", func() { p.run(r.stepCtx) }) {
		return
	}
	rescue.Call(log, "step panicked again, its lease will run out", p.panicked)
}

// panicked handles a panic of the passage. A message that may have reached the provider is left as
// a crash of the program leaves it: the lease runs out, and the next claim records the step as
// uncertain. Any other step is put off like one that the provider refused, up to MaxTries. After
// that it is recorded as failed with reason unknown.
func (p *passage) panicked() {
	switch {
	case p.maybeSent:
	case p.c.Run.Tries < p.r.p.MaxTries:
		p.putOff(0)
	default:
		p.finish(followup.KindNone, followup.FinishStep{Outcome: followup.Failed, Reason: followup.Unknown})
	}
}
