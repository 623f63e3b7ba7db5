package timers

import (
	"context"
	"encoding/json"
	"net/http"

	"wagate/followup/poll"
	"wagate/providers/meta"
	"wagate/providers/providertest"
	"wagate/scripts/drills/internal/fleet"
)

// api sends requests to any of the wagates. It repeats a request until the answer is 200, 201 or
// 409.
type api struct {
	fleet   *fleet.Fleet
	client  fleet.Client
	journal *journal
	slots   chan struct{}
}

// atOnce is how many requests may be under way.
const atOnce = 96

func newAPI(f *fleet.Fleet, j *journal) *api {
	return &api{fleet: f, journal: j, slots: make(chan struct{}, atOnce), client: fleet.NewClient(atOnce)}
}

// webhook posts a webhook of Meta's until it is answered, and reports whether the answer was 200.
func (a *api) webhook(ctx context.Context, body []byte) bool {
	r := fleet.Request{
		Method: http.MethodPost, Path: "/webhooks/meta/main", Body: body,
		Header: http.Header{meta.SignatureHeader: {providertest.Sign(appSecret, body)}},
	}
	return a.insist(ctx, func() int { return a.do(ctx, r, nil) }) == http.StatusOK
}

// ask makes a request with a tenant's key, repeats it until it is answered, decodes the answer and
// returns the status.
func (a *api) ask(ctx context.Context, t *tenant, method, path string, body, answer any) int {
	return a.insist(ctx, func() int { return a.once(ctx, t, method, path, body, answer) })
}

func (a *api) once(ctx context.Context, t *tenant, method, path string, body, answer any) int {
	r := fleet.Request{Method: method, Path: path, Header: http.Header{"Authorization": {"Bearer " + t.key()}}}
	if body != nil {
		r.Body, _ = json.Marshal(body) // cannot fail: texts, numbers and times
	}
	return a.do(ctx, r, answer)
}

// insist repeats a request until it is answered 200, 201 or 409 and returns that status, or 0 if
// ctx ends first.
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

// do sends a request to a random wagate and returns the status; 0: no answer.
func (a *api) do(ctx context.Context, r fleet.Request, answer any) int {
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return 0
	}
	a.journal.posts.Add(1)
	status, raw := a.client.Ask(ctx, a.fleet.Any(), r)
	if answer != nil && status < 300 && json.Unmarshal(raw, answer) != nil {
		return 0
	}
	return status
}
