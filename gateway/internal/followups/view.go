package followups

import (
	"time"

	"wagate/followup"
)

// RunView is a run as the API shows it. What is not there (yet) is null.
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

// MomentView is one line of a run's timeline. Settled is what a receipt later
// made of the outcome.
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
		State: r.State, Reason: orNull(r.Reason), StartedAt: r.StartedAt.UTC(), EndedAt: instant(r.EndedAt),
		Timeline: make([]MomentView, 0, len(r.Timeline)),
	}
	for _, m := range r.Timeline {
		v.Timeline = append(v.Timeline, MomentView{
			Step: m.Step, DueAt: instant(m.DueAt), Outcome: orNull(m.Outcome), Reason: orNull(m.Reason),
			MessageID: orNull(m.MessageID), At: instant(m.At), Settled: orNull(m.Settled),
		})
	}
	return v
}

func orNull[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
