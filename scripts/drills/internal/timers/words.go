package timers

import (
	"slices"

	"wagate/followup"
)

// known reports whether a step's words are of the closed sets.
func known(m moment) bool {
	return slices.Contains(followup.Reasons[followup.Outcome(m.outcome)], followup.Reason(m.reason)) &&
		(m.settled == "" || m.settled == "sent" || m.settled == "failed")
}
