package demo

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// assistant is a bot as anybody may write it for WhatsApp's Cloud API: a webhook that verifies
// X-Hub-Signature-256, and a POST to /{version}/{number}/messages for each answer. It need not know
// that wagate stands in Meta's place. It may use what wagate adds to Meta's protocol: the X-Wagate
// headers and the events of field "followup".
type assistant struct {
	p      assistantParams
	url    string
	server *http.Server
	queue  chan delivery
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	gateway string // base URL of the API that answers are sent through
}

// assistantParams configures an assistant.
type assistantParams struct {
	Secret string // signs webhooks
	Key    string // the API key for sending
	// Reply returns the answer to a message; empty: none.
	Reply func(incoming) string
	Ear   ear
}

// ear is told what the assistant receives and sends.
type ear interface {
	message(incoming)
	answered(to, id, text string, err error)
	followup(happening)
	forged()
}

// incoming is a message from a lead.
type incoming struct {
	ID     string
	From   string // phone
	Name   string // profile name
	Text   string
	Number string // the id of the number that the lead wrote to; the answer goes out from it

	LeadID       string    // X-Wagate-Lead-Id
	WindowCloses time.Time // X-Wagate-Window-Closes-At
}

// happening is the value of a "followup" event, as far as the story needs it.
type happening struct {
	Event     string `json:"event"`
	LeadID    string `json:"lead_id"`
	Step      int    `json:"step"`
	Outcome   string `json:"outcome"`
	Reason    string `json:"reason"`
	MessageID string `json:"message_id"`
}

// delivery is a verified webhook that waits to be processed.
type delivery struct {
	header http.Header
	body   []byte
}

// webhook is Meta's envelope, as far as a bot that reads texts needs it.
type webhook struct {
	Entry []struct {
		Changes []struct {
			Field string          `json:"field"`
			Value json.RawMessage `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

// messagesValue is the value of a change of field "messages".
type messagesValue struct {
	Metadata struct {
		PhoneNumberID string `json:"phone_number_id"`
	} `json:"metadata"`
	Contacts []struct {
		Profile struct {
			Name string `json:"name"`
		} `json:"profile"`
	} `json:"contacts"`
	Messages []struct {
		From string `json:"from"`
		ID   string `json:"id"`
		Text struct {
			Body string `json:"body"`
		} `json:"text"`
	} `json:"messages"`
}

// maxWebhook bounds the body of a webhook, in bytes; Meta's have up to 3 MB.
const maxWebhook = 4 << 20

// startAssistant starts the bot on a free loopback port.
func startAssistant(p assistantParams) (*assistant, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start assistant: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &assistant{p: p, url: "http://" + l.Addr().String(), queue: make(chan delivery, 64), cancel: cancel}
	a.server = &http.Server{Handler: http.HandlerFunc(a.serve), ReadHeaderTimeout: 10 * time.Second}
	a.work.Go(func() { _ = a.server.Serve(l) }) // until stop
	a.work.Go(func() { a.worker(ctx) })
	return a, nil
}

func (a *assistant) stop() error {
	a.cancel()
	err := a.server.Close()
	a.work.Wait()
	return err
}

// connect sets the base URL of the API that answers are sent through.
func (a *assistant) connect(url string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gateway = url
}

// serve accepts a webhook. The signature is over the bytes as they came, so it is checked before
// anything is parsed. A 200 means that the bot has the events; work that takes longer, such as
// thinking of an answer, comes after it.
func (a *assistant) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
	if err != nil {
		http.Error(w, "body not readable", http.StatusBadRequest)
		return
	}
	if !signed(a.p.Secret, body, r.Header.Get("X-Hub-Signature-256")) {
		a.p.Ear.forged()
		http.Error(w, "signature not valid", http.StatusUnauthorized)
		return
	}
	select {
	case a.queue <- delivery{r.Header.Clone(), body}:
		w.WriteHeader(http.StatusOK)
	case <-r.Context().Done(): // not accepted; the webhook will come again
	}
}

// signed reports whether the header is the signature of the body with the secret. It compares in
// constant time, so that its timing reveals nothing about the right signature.
func signed(secret string, body []byte, header string) bool {
	got, err := hex.DecodeString(strings.TrimPrefix(header, "sha256="))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(got, mac.Sum(nil))
}

// worker processes deliveries one after another, and therefore in the order in which they came.
func (a *assistant) worker(ctx context.Context) {
	seen := map[string]bool{} // by webhook-id: if the 200 was lost, the delivery comes a second time
	for {
		select {
		case d := <-a.queue:
			a.take(ctx, d, seen)
		case <-ctx.Done():
			return
		}
	}
}

// take processes a delivery, unless it has been seen before.
func (a *assistant) take(ctx context.Context, d delivery, seen map[string]bool) {
	var hook webhook
	if json.Unmarshal(d.body, &hook) != nil || seen[d.header.Get("webhook-id")] {
		return
	}
	seen[d.header.Get("webhook-id")] = true
	for _, entry := range hook.Entry {
		for _, change := range entry.Changes {
			switch change.Field {
			case "messages":
				var v messagesValue
				if json.Unmarshal(change.Value, &v) == nil {
					a.messages(ctx, d, v)
				}
			case "followup":
				var h happening
				if json.Unmarshal(change.Value, &h) == nil {
					a.p.Ear.followup(h)
				}
			}
		}
	}
}

// messages answers the leads' messages in a delivery.
func (a *assistant) messages(ctx context.Context, d delivery, v messagesValue) {
	closes, _ := time.Parse(time.RFC3339, d.header.Get("X-Wagate-Window-Closes-At"))
	for _, m := range v.Messages {
		in := incoming{
			ID: m.ID, From: m.From, Text: m.Text.Body, Number: v.Metadata.PhoneNumberID,
			LeadID: d.header.Get("X-Wagate-Lead-Id"), WindowCloses: closes,
		}
		if len(v.Contacts) > 0 {
			in.Name = v.Contacts[0].Profile.Name
		}
		a.p.Ear.message(in)
		text := a.p.Reply(in)
		if text == "" {
			continue
		}
		id, err := a.send(ctx, in.Number, in.From, text, "answer-to-"+in.ID)
		if ctx.Err() == nil {
			a.p.Ear.answered(in.From, id, text, err)
		}
	}
}

// sendError is Graph's error object: the answer of the Cloud API, and of wagate in its place, to a
// message that was not sent.
type sendError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *sendError) Error() string { return fmt.Sprintf("send message: %s", e.Message) }

// send sends a text and returns the message's id. With the same idempotency key the message goes out
// once, however often the call is made.
func (a *assistant) send(ctx context.Context, number, to, text, idempotencyKey string) (string, error) {
	body, err := json.Marshal(map[string]any{
		"messaging_product": "whatsapp", "to": to, "type": "text", "text": map[string]string{"body": text},
	})
	if err != nil {
		return "", fmt.Errorf("send message: %w", err)
	}
	a.mu.Lock()
	url := a.gateway + "/v26.0/" + number + "/messages"
	a.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("send message: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+a.p.Key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", idempotencyKey)
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("send message: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		Messages []struct {
			ID string `json:"id"`
		} `json:"messages"`
		Error *sendError `json:"error"`
	}
	err = json.NewDecoder(io.LimitReader(res.Body, maxWebhook)).Decode(&answer)
	switch {
	case answer.Error != nil:
		return "", answer.Error
	case err != nil || len(answer.Messages) != 1:
		return "", errors.New("send message: the answer is not Graph's")
	}
	return answer.Messages[0].ID, nil
}
