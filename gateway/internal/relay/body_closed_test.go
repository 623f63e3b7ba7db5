package relay

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
)

// countedBody counts how often it is closed.
type countedBody struct {
	io.Reader

	closed *int
}

func (b countedBody) Close() error { *b.closed++; return nil }

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The body of an answer is closed, whatever the status, so that no connection is left behind.
func TestAnswerIsClosed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusSwitchingProtocols, http.StatusOK, http.StatusInternalServerError} {
		synctest.Test(t, func(t *testing.T) {
			closed := 0
			r, _ := bubble(t, memstore.New(), answerWith(func(time.Duration) int { return status }))
			r.client.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Body: countedBody{strings.NewReader("ok"), &closed}}, nil
			})
			d := followup.Delivery{Assistant: assistantID(1), Events: []followup.RelayEvent{{Field: "messages", Value: []byte(`{}`)}}}
			if a, err := r.try(d, time.Now()); err != nil || a.status != status || closed != 1 {
				t.Errorf("%d: got %+v, %v and closed %d times, want the status and once", status, a, err, closed)
			}
		})
	}
}
