package timers

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"wagate/followup/poll"
	"wagate/providers/meta"
	"wagate/providers/providertest"
	"wagate/scripts/drills/internal/fleet"
)

// api is the way to any of the wagates. Whatever is not answered, or 503, is asked
// again.
type api struct {
	fleet   *fleet.Fleet
	client  *http.Client
	journal *journal
	slots   chan struct{}
}

// answerWithin is how long an answer is waited for, atOnce how many requests are under way.
const (
	answerWithin = 5 * time.Second
	atOnce       = 96
)

func newAPI(f *fleet.Fleet, j *journal) *api {
	return &api{fleet: f, journal: j, slots: make(chan struct{}, atOnce), client: &http.Client{
		Timeout: answerWithin, Transport: &http.Transport{MaxIdleConnsPerHost: atOnce, DisableCompression: true},
	}}
}

// webhook posts a webhook of Meta's until it is answered 200, and reports whether it was.
func (a *api) webhook(ctx context.Context, body []byte) bool {
	header := http.Header{meta.SignatureHeader: {providertest.Sign(appSecret, body)}}
	return a.insist(ctx, func() int {
		return a.do(ctx, http.MethodPost, "/webhooks/meta/main", header, body, nil)
	}) == http.StatusOK
}

// ask makes a request of a tenant's until it is answered, reads what comes, and
// returns the status.
func (a *api) ask(ctx context.Context, t *tenant, method, path string, body, answer any) int {
	return a.insist(ctx, func() int { return a.once(ctx, t, method, path, body, answer) })
}

func (a *api) once(ctx context.Context, t *tenant, method, path string, body, answer any) int {
	var raw []byte
	if body != nil {
		raw, _ = json.Marshal(body) // texts, numbers and times
	}
	return a.do(ctx, method, path, http.Header{"Authorization": {"Bearer " + t.key()}}, raw, answer)
}

// insist repeats a request until it is answered; 0 if it never is.
func (a *api) insist(ctx context.Context, try func() int) int {
	for n := 0; ; n++ {
		switch status := try(); status {
		case 0:
			a.journal.unanswered.Add(1)
		case http.StatusServiceUnavailable:
			a.journal.busy.Add(1)
		case http.StatusOK, http.StatusCreated, http.StatusConflict:
			return status
		default:
			a.journal.otherwise.Add(1)
		}
		if poll.Sleep(ctx, fleet.RetryDelay(n)) != nil {
			return 0
		}
	}
}

// do makes one request of any of the wagates and returns the status; 0: no answer.
func (a *api) do(ctx context.Context, method, path string, header http.Header, body []byte, answer any) int {
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return 0
	}
	a.journal.posts.Add(1)
	to := a.fleet.Any()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+to.Public()+path, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	began := time.Now()
	res, err := a.client.Do(req)
	if err != nil {
		if time.Since(began) >= answerWithin {
			to.Shun()
		}
		return 0
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil || answer != nil && res.StatusCode < 300 && json.Unmarshal(raw, answer) != nil {
		return 0
	}
	return res.StatusCode
}
