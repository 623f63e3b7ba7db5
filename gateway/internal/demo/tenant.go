package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// tenant is a client of the tenant's and the operator's side of wagate: the /backend API and the
// metrics.
type tenant struct {
	public, admin string // base URLs
	key           string
	client        *http.Client
}

func newTenant(public, admin, key string) *tenant {
	return &tenant{
		public: public, admin: admin, key: key,
		client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

// leadView is a lead as the API shows it, as far as the story needs it.
type leadView struct {
	Windows []windowView `json:"windows"`
}

type windowView struct {
	ChannelID string    `json:"channel_id"`
	Open      bool      `json:"open"`
	ClosesAt  time.Time `json:"closes_at"`
}

// window returns the window on a channel, or the zero windowView if there is none.
func (l leadView) window(channel string) windowView {
	for _, w := range l.Windows {
		if w.ChannelID == channel {
			return w
		}
	}
	return windowView{}
}

// configView is a follow-up configuration as the API shows it, as far as the story needs it.
type configView struct {
	ID       string            `json:"id"`
	Warnings []json.RawMessage `json:"warnings"`
}

// ladderView is a ladder: the steps that a lead on a channel will get, in order.
type ladderView struct {
	Steps []struct {
		Interval     string `json:"interval"`
		Prompt       string `json:"prompt"`
		TemplateName string `json:"template_name"`
	} `json:"steps"`
}

// runView is a run with its timeline.
type runView struct {
	State    string       `json:"state"`
	Reason   string       `json:"reason"`
	Timeline []momentView `json:"timeline"`
}

type momentView struct {
	Step      int       `json:"step"`
	DueAt     time.Time `json:"due_at"`
	Outcome   string    `json:"outcome"`
	Reason    string    `json:"reason"`
	MessageID string    `json:"message_id"`
	At        time.Time `json:"at"`
	Settled   string    `json:"settled"`
}

func (t *tenant) createConfig(ctx context.Context, body []byte) (configView, error) {
	var c configView
	return c, t.call(ctx, http.MethodPost, "/backend/followup/configs", body, &c)
}

func (t *tenant) ladder(ctx context.Context, config, channel string) (ladderView, error) {
	var l ladderView
	return l, t.call(ctx, http.MethodGet, "/backend/followup/configs/"+config+"/ladder?channel_id="+channel, nil, &l)
}

func (t *tenant) lead(ctx context.Context, id string) (leadView, error) {
	var l leadView
	return l, t.call(ctx, http.MethodGet, "/backend/leads/"+id, nil, &l)
}

func (t *tenant) setStatus(ctx context.Context, lead, status string) error {
	return t.call(ctx, http.MethodPut, "/backend/leads/"+lead, []byte(`{"status_id":"`+status+`"}`), nil)
}

func (t *tenant) runs(ctx context.Context, lead string) ([]runView, error) {
	var page struct {
		Data []runView `json:"data"`
	}
	err := t.call(ctx, http.MethodGet, "/backend/followup/runs?lead_id="+lead, nil, &page)
	return page.Data, err
}

// call makes one API call and decodes the answer into into, unless that is nil. An answer other
// than 2xx is an error that has the answer's text.
func (t *tenant) call(ctx context.Context, method, path string, body []byte, into any) error {
	where := method + " " + strings.SplitN(path, "?", 2)[0]
	answer, status, err := t.do(ctx, method, t.public+path, body)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	if status/100 != 2 {
		return fmt.Errorf("%s: answered %d %s", where, status, bytes.TrimSpace(answer))
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s: read answer: %w", where, err)
	}
	return nil
}

func (t *tenant) do(ctx context.Context, method, url string, body []byte) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Authorization", "Bearer "+t.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := t.client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	return answer, res.StatusCode, err
}

// metrics reads /metrics.
func (t *tenant) metrics(ctx context.Context) (metrics, error) {
	text, status, err := t.do(ctx, http.MethodGet, t.admin+"/metrics", nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("answered %d", status)
	}
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	m := metrics{}
	for line := range strings.Lines(string(text)) {
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if v, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64); err == nil {
			m[line[:at]] = v
		}
	}
	return m, nil
}

// metrics has the value of each series, by its name with labels as exposed.
type metrics map[string]float64

// sum returns the sum of the series with that name and all of these labels, each of the form
// `name="value"`.
func (m metrics) sum(name string, labels ...string) int {
	total := 0.0
series:
	for series, v := range m {
		of, set, _ := strings.Cut(series, "{")
		if of != name {
			continue
		}
		for _, label := range labels {
			if !strings.Contains("{"+set, "{"+label) && !strings.Contains(set, ","+label) {
				continue series
			}
		}
		total += v
	}
	return int(total)
}
