package meta

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"wagate/providers"
	"wagate/providers/cloudapi"
	"wagate/providers/transport"
)

// maxOpaque is the longest biz_opaque_callback_data that Meta accepts, in bytes.
const maxOpaque = 512

// Causes of errors. All but errNoID stop a message before the call.
var (
	errNoRecipient = errors.New("meta: message has no recipient")
	errOpaque      = errors.New("meta: opaque data is longer than 512 bytes")
	errBody        = errors.New("meta: message body is not JSON")
	errNoID        = errors.New("meta: answer has no message id")
	errAddress     = errors.New("meta: bad address of the API")
)

// Params configures a Sender.
type Params struct {
	Client        *transport.Client
	BaseURL       string // default https://graph.facebook.com
	Version       string // default v26.0
	PhoneNumberID string
	AccessToken   string
}

// Sender sends for one WhatsApp number. It is safe for concurrent use.
type Sender struct {
	client *transport.Client
	base   string // base URL and version
	number string
	token  string
}

// NewSender returns a Sender. Params.Client is required.
func NewSender(p Params) *Sender {
	base := strings.TrimRight(cmp.Or(p.BaseURL, "https://graph.facebook.com"), "/")
	version := strings.Trim(cmp.Or(p.Version, "v26.0"), "/")
	return &Sender{client: p.Client, base: base + "/" + version, number: url.PathEscape(p.PhoneNumberID), token: p.AccessToken}
}

// Send sends one message. An error is always a *providers.Error.
func (s *Sender) Send(ctx context.Context, m providers.Message) (providers.Sent, error) {
	body, err := compose(m)
	if err != nil {
		return providers.Sent{}, &providers.Error{Kind: providers.Invalid, Detail: err.Error(), Cause: err}
	}
	answer, failure := s.call(ctx, http.MethodPost, s.number+"/messages", nil, body)
	if failure != nil {
		return providers.Sent{}, failure
	}
	sent, err := accepted(answer.Body)
	if err != nil {
		return providers.Sent{}, &providers.Error{
			Kind: providers.Unknown, Status: answer.Status, MaybeSent: true, Cause: err,
		}
	}
	return sent, nil
}

// Do posts a body that is not a message, such as a read receipt or a typing indicator, to the
// number's messages route. It returns the answer as it came. An error is always a *providers.Error.
func (s *Sender) Do(ctx context.Context, body json.RawMessage) (json.RawMessage, error) {
	answer, failure := s.call(ctx, http.MethodPost, s.number+"/messages", nil, body)
	if failure != nil {
		return nil, failure
	}
	return answer.Body, nil
}

// compose returns the body of a send.
func compose(m providers.Message) ([]byte, error) {
	if m.To.IsZero() {
		return nil, errNoRecipient
	}
	if len(m.Opaque) > maxOpaque {
		return nil, errOpaque
	}
	body := make(map[string]any, len(m.Body)+3)
	for name, value := range m.Body {
		body[name] = value
	}
	for _, ours := range []string{"to", "recipient", "biz_opaque_callback_data"} {
		delete(body, ours)
	}
	if _, ok := body["messaging_product"]; !ok {
		body["messaging_product"] = "whatsapp"
	}
	if _, ok := body["type"]; !ok && m.Type != "" {
		body["type"] = m.Type
	}
	if m.To.Phone != "" {
		body["to"] = "+" + strings.TrimPrefix(m.To.Phone, "+")
	} else {
		body["recipient"] = m.To.UserID
	}
	if m.Opaque != "" {
		body["biz_opaque_callback_data"] = m.Opaque
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, errBody // the encoder's error would quote the body
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// accepted reads the answer to a send. Its error is errNoID if there is no message id.
func accepted(body []byte) (providers.Sent, error) {
	var answer struct {
		Messages []struct {
			ID     string `json:"id"`
			Status string `json:"message_status"`
		} `json:"messages"`
		Contacts []struct {
			Phone  string `json:"wa_id"`
			UserID string `json:"user_id"`
		} `json:"contacts"`
	}
	// A member of an unexpected type elsewhere must not hide the id, so the error is ignored.
	_ = json.Unmarshal(body, &answer)
	if !json.Valid(body) || len(answer.Messages) == 0 || answer.Messages[0].ID == "" {
		return providers.Sent{}, errNoID
	}
	sent := providers.Sent{ID: answer.Messages[0].ID, MessageStatus: answer.Messages[0].Status}
	if len(answer.Contacts) > 0 {
		sent.Contact = providers.Contact{
			Phone:  strings.TrimPrefix(answer.Contacts[0].Phone, "+"),
			UserID: answer.Contacts[0].UserID,
		}
	}
	return sent, nil
}

// call makes one call. An answer that reports no success is an error.
func (s *Sender) call(
	ctx context.Context, method, path string, query url.Values, body []byte,
) (transport.Response, *providers.Error) {
	address := s.base + "/" + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return transport.Response{}, &providers.Error{Kind: providers.Operator, Cause: errAddress}
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, failure := s.client.Do(ctx, req)
	if failure != nil {
		return answer, failure
	}
	// The code decides, whatever the status: even a 2xx may carry an error code.
	said := cloudapi.Failure(answer.Body, answer.Status, answer.RetryAfter)
	_, none := accepted(answer.Body)
	if !answer.OK() || said.Code != 0 && none != nil {
		return answer, said
	}
	return answer, nil
}
