package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// lead has the members of a lead that the tests read.
type lead struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Phone    *string `json:"phone"`
	UserID   *string `json:"user_id"`
	StatusID *string `json:"status_id"`
	OptedOut bool    `json:"opted_out"`
	Windows  []struct {
		ChannelID string     `json:"channel_id"`
		Open      bool       `json:"open"`
		ClosesAt  *time.Time `json:"closes_at"`
	} `json:"windows"`
}

// page is one page of a list.
type page[T any] struct {
	Data       []T `json:"data"`
	Pagination struct {
		Total int `json:"total"`
	} `json:"pagination"`
}

// runView is a run as the API shows it.
type runView struct {
	ID        string     `json:"id"`
	LeadID    string     `json:"lead_id"`
	ConfigID  string     `json:"config_id"`
	ChannelID string     `json:"channel_id"`
	State     string     `json:"state"`
	Reason    string     `json:"reason"`
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
	Timeline  []moment   `json:"timeline"`
}

// moment is one entry of a run's timeline.
type moment struct {
	Step      int        `json:"step"`
	DueAt     *time.Time `json:"due_at"`
	Outcome   string     `json:"outcome"`
	Reason    string     `json:"reason"`
	MessageID string     `json:"message_id"`
	At        *time.Time `json:"at"`
	Settled   string     `json:"settled"`
}

// String returns the run in short: its state and reason, then each step's outcome and reason.
func (r runView) String() string {
	words := []string{r.State}
	if r.Reason != "" {
		words = append(words, r.Reason)
	}
	for _, m := range r.Timeline {
		word := fmt.Sprintf("%d:%s/%s", m.Step, m.Outcome, m.Reason)
		if m.Settled != "" {
			word += "→" + m.Settled
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// leadOf returns the only lead with a phone.
func (p *process) leadOf(phone string) lead {
	p.t.Helper()
	found := decode[page[lead]](p.api(http.MethodGet, "/backend/leads?search="+url.QueryEscape(phone), nil).want(200))
	if len(found.Data) != 1 || found.Pagination.Total != 1 {
		p.t.Fatalf("leads with phone: got %d (total %d), want 1", len(found.Data), found.Pagination.Total)
	}
	return found.Data[0]
}

// status gives a lead a status.
func (p *process) status(leadID, status string) {
	p.t.Helper()
	p.api(http.MethodPut, "/backend/leads/"+leadID, object{"status_id": status}).want(200)
}

// runs returns the runs of a lead, newest first.
func (p *process) runs(leadID string) []runView {
	p.t.Helper()
	return decode[page[runView]](p.api(http.MethodGet, "/backend/followup/runs?lead_id="+leadID, nil).want(200)).Data
}

// run returns the only run of a lead.
func (p *process) run(leadID string) runView {
	p.t.Helper()
	runs := p.runs(leadID)
	if len(runs) != 1 {
		p.t.Fatalf("runs of lead: got %v, want one", runs)
	}
	return runs[0]
}

// untilRun waits until the only run of a lead reads as want, in the form of runView.String.
func (p *process) untilRun(leadID, want string) runView {
	p.t.Helper()
	var r runView
	until(p.t, func() error {
		runs := p.runs(leadID)
		if len(runs) != 1 {
			return mismatch("runs", runs, "one")
		}
		if r = runs[0]; r.String() != want {
			return mismatch("run", r, want)
		}
		return nil
	})
	return r
}

// configure gives Acme's assistant a follow-up configuration.
func (p *process) configure(steps ...object) {
	p.t.Helper()
	p.api(http.MethodPost, "/backend/followup/configs", object{
		"assistant_id": sales, "trigger_status_ids": []string{hot, warm}, "steps": steps, "official_steps": []any{},
	}).want(201)
}

// nudge returns a step whose text the model writes.
func nudge(interval string) object {
	return object{"interval": interval, "prompt": "Ask politely whether there is anything to help with"}
}

// follow has a user write on Meta and gives the lead a status that triggers. It returns the lead.
func (p *process) follow(phone string) lead {
	p.t.Helper()
	p.w.says(user(phone), "How much is the bench?")
	l := p.leadOf(phone)
	p.status(l.ID, hot)
	return l
}
