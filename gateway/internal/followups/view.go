package followups

import (
	"time"

	"wagate/followup"
	"wagate/gateway/internal/view"
)

// RunView is a run as the API shows it. A value that does not exist (yet) is null.
type RunView struct {
	ID          followup.RunID       `json:"id"`
	LeadID      followup.LeadID      `json:"lead_id"`
	ConfigID    followup.ConfigID    `json:"config_id"`
	AssistantID followup.AssistantID `json:"assistant_id"`
	ChannelID   followup.ChannelID   `json:"channel_id"`
	State       followup.RunState    `json:"state"`
	Reason      *followup.Reason     `json:"reason"`
	StartedAt   time.Time            `json:"started_at"`
	EndedAt     *time.Time           `json:"ended_at"`
	Timeline    []MomentView         `json:"timeline"`
}

// MomentView is one line of a run's timeline. Settled is the outcome that a receipt established
// later.
type MomentView struct {
	Step      int               `json:"step"`
	DueAt     *time.Time        `json:"due_at"`
	Outcome   *followup.Outcome `json:"outcome"`
	Reason    *followup.Reason  `json:"reason"`
	MessageID *string           `json:"message_id"`
	At        *time.Time        `json:"at"`
	Settled   *followup.Outcome `json:"settled"`
}

func viewRun(r followup.Run) RunView {
	v := RunView{
		ID: r.ID, LeadID: r.Lead, ConfigID: r.Config, AssistantID: r.Assistant, ChannelID: r.Channel,
		State: r.State, Reason: view.OrNull(r.Reason), StartedAt: r.StartedAt.UTC(), EndedAt: view.Instant(r.EndedAt),
		Timeline: make([]MomentView, 0, len(r.Timeline)),
	}
	for _, m := range r.Timeline {
		v.Timeline = append(v.Timeline, MomentView{
			Step: m.Step, DueAt: view.Instant(m.DueAt), Outcome: view.OrNull(m.Outcome), Reason: view.OrNull(m.Reason),
			MessageID: view.OrNull(m.MessageID), At: view.Instant(m.At), Settled: view.OrNull(m.Settled),
		})
	}
	return v
}
