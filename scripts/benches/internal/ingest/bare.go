package ingest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/goccy/go-json"
	"github.com/gofiber/fiber/v2" //nolint:depguard // what wagate is compared with

	"wagate/providers/meta"
	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/internal/proc"
)

// notice is what the bare side decodes a body into.
type notice struct {
	Object string `json:"object"`
	Entry  []struct {
		ID      string `json:"id"`
		Changes []struct {
			Field string `json:"field"`
			Value struct {
				Metadata struct {
					PhoneNumberID string `json:"phone_number_id"`
				} `json:"metadata"`
				Contacts []struct {
					WaID    string `json:"wa_id"`
					UserID  string `json:"user_id"`
					Profile struct {
						Name string `json:"name"`
					} `json:"profile"`
				} `json:"contacts"`
				Messages []struct {
					From      string `json:"from"`
					ID        string `json:"id"`
					Timestamp string `json:"timestamp"`
					Type      string `json:"type"`
					Text      struct {
						Body string `json:"body"`
					} `json:"text"`
				} `json:"messages"`
				Statuses []struct {
					ID        string `json:"id"`
					Status    string `json:"status"`
					Timestamp string `json:"timestamp"`
					Opaque    string `json:"biz_opaque_callback_data"`
				} `json:"statuses"`
			} `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

// standing is where the bare side listens, and how much processor time it has used.
type standing struct {
	Addr string
	CPU  time.Duration
}

// bare is the role of the handler that wagate is compared with: it checks the signature, parses the
// JSON and answers 200.
func bare(in io.Reader, out io.Writer) error {
	app := newServer()
	secrets := []string{bench.AppSecret}
	app.Post(webhookPath, func(c *fiber.Ctx) error {
		body := c.BodyRaw()
		if !meta.VerifySignature(secrets, c.Get(meta.SignatureHeader), body) {
			return fiber.ErrUnauthorized
		}
		var n notice
		if err := json.Unmarshal(body, &n); err != nil || len(n.Entry) == 0 {
			return fiber.ErrBadRequest
		}
		c.Status(http.StatusOK)
		return nil
	})
	addr, err := listen(app)
	if err != nil {
		return err
	}
	return proc.Answer(in, out, func(struct{}) (standing, error) { return standing{addr, bench.CPU()}, nil })
}

func newServer() *fiber.App {
	const limit = 4 << 20 // a batch is large
	return fiber.New(fiber.Config{BodyLimit: limit, ReadBufferSize: 16 << 10, DisableStartupMessage: true})
}

// listen serves app on a free port for as long as the process lives.
func listen(app *fiber.App) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a local bind
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	go func() { _ = app.Listener(l) }()
	return l.Addr().String(), nil
}
