package providertest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// SetCallbackURL sets where callbacks are posted from then on, for a gateway that starts after the
// fake.
func (f *fake[Send]) SetCallbackURL(url string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.url = url
}

// post posts a callback once and returns the status and body of the answer, status 0 if there was
// none.
func (f *fake[Send]) post(ctx context.Context, url string, body []byte, header map[string]string) (status int, text string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, ""
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	answer, err := f.client.Do(req)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	// Read to the end, so that the connection can be reused.
	b, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	return answer.StatusCode, string(b)
}

// pause waits for d, unless the context or the fake ends first.
func (f *fake[Send]) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
}
