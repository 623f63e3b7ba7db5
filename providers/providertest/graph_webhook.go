package providertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// ErrNotTaken reports that a webhook was given up without ever being answered 200.
var ErrNotTaken = errors.New("webhook was not taken")

// GraphWebhook is a webhook that the fake posted or tried to post.
type GraphWebhook struct {
	Body    []byte
	Answers []int // HTTP status of each attempt; 0: no answer
	Done    bool  // answered 200, or given up
}

// Webhooks returns all webhooks so far, in the order of their first attempts.
func (g *Graph) Webhooks() []GraphWebhook {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := slices.Clone(g.webhooks)
	for i := range all {
		all[i].Answers = slices.Clone(all[i].Answers)
	}
	return all
}

// Post signs a webhook body and posts it until it is answered 200, as Meta does. If the backoff
// ends first, the error is ErrNotTaken.
func (g *Graph) Post(ctx context.Context, body []byte) error {
	i, url := g.begin(body)
	defer g.end(i)
	for attempt := 1; ; attempt++ {
		status, _ := g.post(ctx, url, body, map[string]string{
			"Content-Type": "application/json", "User-Agent": "facebookexternalua", "X-Hub-Signature-256": Sign(g.p.AppSecret, body),
		})
		g.mu.Lock()
		g.webhooks[i].Answers = append(g.webhooks[i].Answers, status)
		g.mu.Unlock()
		if status == http.StatusOK {
			return nil
		}
		wait, again := g.p.Backoff(attempt)
		if !again {
			return fmt.Errorf("post webhook: %w after %d attempts, last status %d", ErrNotTaken, attempt, status)
		}
		if err := g.pause(ctx, wait); err != nil {
			return fmt.Errorf("post webhook: %w", err)
		}
	}
}

// PostLater posts a webhook in the background. WaitIdle waits for it; Webhooks returns its answers.
func (g *Graph) PostLater(body []byte) {
	g.later(func(ctx context.Context) { _ = g.Post(ctx, body) })
}

// later runs work in the background that counts as a pending callback. After Close it does nothing.
func (g *Graph) later(work func(context.Context)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.enter() {
		return
	}
	g.pending++
	go func() {
		defer g.done.Done()
		defer func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.pending--
			g.touch()
		}()
		select {
		case g.slots <- struct{}{}:
			defer func() { <-g.slots }()
			work(g.ctx)
		case <-g.ctx.Done():
		}
	}()
}

func (g *Graph) begin(body []byte) (int, string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.webhooks = append(g.webhooks, GraphWebhook{Body: body})
	g.touch()
	return len(g.webhooks) - 1, g.url
}

func (g *Graph) end(i int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.webhooks[i].Done = true
	g.touch()
}

// Handshake makes the GET verification with this token and returns the status and body of the
// answer. The challenge is "1158201444".
func (g *Graph) Handshake(ctx context.Context, token string) (int, string, error) {
	g.mu.Lock()
	url := g.url
	g.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", fmt.Errorf("make handshake: %w", err)
	}
	q := req.URL.Query()
	q.Set("hub.mode", "subscribe")
	q.Set("hub.challenge", "1158201444")
	q.Set("hub.verify_token", token)
	req.URL.RawQuery = q.Encode()
	answer, err := g.client.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("make handshake: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	if err != nil {
		return 0, "", fmt.Errorf("read handshake: %w", err)
	}
	return answer.StatusCode, string(body), nil
}
