package writer

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"wagate/providers/transport/pipetest"
)

// If a connection is lost silently, as behind a gateway that forgot it, the next
// request uses another connection.
func TestLostConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := pipetest.Serve(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"Oi!"}}]}`)
		})
		over := newTransport(1)
		network.Carry(over)
		defer over.CloseIdleConnections()
		w := New(Params{Model: "m", BaseURL: "https://model.example/v1", Transport: over})
		for _, lose := range []bool{false, true} {
			if lose {
				network.Lose()
			}
			if got, err := w.Write(t.Context(), brief()); got != "Oi!" || err != nil {
				t.Errorf("lost %v: got %q, %v, want the text", lose, got, err)
			}
		}
	})
}
