package gupshup

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wagate/providers"
	"wagate/providers/transport"
)

// Params configures the Sender of one channel.
type Params struct {
	Client *transport.Client
	// BaseURL and PartnerBaseURL are the hosts of the two API families, without a path.
	BaseURL, PartnerBaseURL string
	AppID, AppName          string
	Source                  string // business number, digits
	APIKey                  string // for the self-serve API, v2
	// PartnerToken is the complete Authorization header for the partner API: a legacy app token
	// alone, a universal app token after "Bearer ".
	PartnerToken string
	// V3 sends in Meta's form through the partner API.
	V3 bool
	// TemplateTTL is how long the list of templates is used. Default 10 min.
	TemplateTTL time.Duration
	// Now is the clock for TemplateTTL. Default time.Now.
	Now func() time.Time
}

// Sender sends the messages of one channel. It is safe for concurrent use.
type Sender struct {
	p         Params
	templates *registry
}

// NewSender returns a Sender. If required parameters are missing, the error lists all of them.
func NewSender(p Params) (*Sender, error) {
	var lacks []error
	need := func(name string, ok bool) {
		if !ok {
			lacks = append(lacks, errors.New("gupshup: "+name+" is missing"))
		}
	}
	need("client", p.Client != nil)
	need("app id", p.AppID != "")
	if p.V3 {
		need("partner base url", p.PartnerBaseURL != "")
		need("partner token", p.PartnerToken != "")
	} else {
		need("base url", p.BaseURL != "")
		need("app name", p.AppName != "")
		need("source", p.Source != "")
		need("api key", p.APIKey != "")
	}
	if len(lacks) > 0 {
		return nil, errors.Join(lacks...)
	}
	if p.TemplateTTL <= 0 {
		p.TemplateTTL = 10 * time.Minute
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	p.BaseURL = strings.TrimSuffix(p.BaseURL, "/")
	p.PartnerBaseURL = strings.TrimSuffix(p.PartnerBaseURL, "/")
	s := &Sender{p: p}
	s.templates = newRegistry(s.fetchTemplates, p.TemplateTTL, p.Now)
	return s, nil
}

// Send makes one attempt to send a message. Its error is always a *providers.Error. Acceptance says
// nothing about the recipient: a closed window, an unknown number and an empty wallet are reported
// later, by callback.
func (s *Sender) Send(ctx context.Context, m providers.Message) (providers.Sent, error) {
	if m.To.IsZero() {
		return providers.Sent{}, missing("to")
	}
	var sent providers.Sent
	var err *providers.Error
	switch {
	case s.p.V3:
		sent, err = s.sendV3(ctx, m)
	case m.IsTemplate():
		sent, err = s.sendTemplate(ctx, m)
	default:
		sent, err = s.sendFreeForm(ctx, m)
	}
	if err == nil {
		return sent, nil
	}
	if err.Status != 0 && TemplatesStale(err.Code) { // the provider refused it, not this package
		s.templates.forget()
	}
	return providers.Sent{}, err
}

// sendFreeForm sends through /msg.
func (s *Sender) sendFreeForm(ctx context.Context, m providers.Message) (providers.Sent, *providers.Error) {
	d, err := compose(m)
	if err != nil {
		return providers.Sent{}, providers.AsError(err)
	}
	form := s.form(m.To)
	form.Set("message", string(encode(d.message)))
	if d.disablePreview {
		form.Set("disablePreview", strconv.FormatBool(true))
	}
	if d.encode {
		form.Set("encode", strconv.FormatBool(true))
	}
	return s.postForm(ctx, "/wa/api/v1/msg", form, m.To)
}

// sendTemplate sends through /template/msg, by Gupshup's id of the template.
func (s *Sender) sendTemplate(ctx context.Context, m providers.Message) (providers.Sent, *providers.Error) {
	call, err := readTemplate(m)
	if err != nil {
		return providers.Sent{}, providers.AsError(err)
	}
	r, err := s.templates.lookup(ctx, call.Name, call.Language.Code)
	if err != nil {
		return providers.Sent{}, notSent(err)
	}
	d, err := call.compose(r)
	if err != nil {
		return providers.Sent{}, providers.AsError(err)
	}
	form := s.form(m.To)
	form.Set("template", string(encode(d.template)))
	if d.header != nil {
		form.Set("message", string(encode(d.header)))
	}
	if len(d.postbacks) > 0 {
		form.Set("postbackTexts", string(encode(d.postbacks)))
	}
	return s.postForm(ctx, "/wa/api/v1/template/msg", form, m.To)
}

// form returns the form fields common to all v2 sends. A user whose phone is hidden is addressed by
// user id. It is not documented that v2 accepts that; if it does not, it will refuse the message.
func (s *Sender) form(to providers.Contact) url.Values {
	return url.Values{
		"channel":     {"whatsapp"},
		"source":      {s.p.Source},
		"destination": {first(to.Phone, to.UserID)},
		"src.name":    {s.p.AppName},
	}
}

func (s *Sender) postForm(ctx context.Context, path string, form url.Values, to providers.Contact) (providers.Sent, *providers.Error) {
	r, err := s.call(ctx, http.MethodPost, s.p.BaseURL+path, "application/x-www-form-urlencoded", form.Encode())
	if err != nil {
		return providers.Sent{}, err
	}
	return v2Answer(r, to)
}

// sendV3 sends the message in Meta's form.
func (s *Sender) sendV3(ctx context.Context, m providers.Message) (providers.Sent, *providers.Error) {
	body := maps.Clone(m.Body)
	if body == nil {
		body = map[string]json.RawMessage{}
	}
	body["messaging_product"] = encode("whatsapp")
	body["type"] = encode(m.Type)
	if m.To.Phone != "" {
		// As at Meta, without the plus sign the country code of the business would be prefixed.
		body["to"] = encode("+" + strings.TrimPrefix(m.To.Phone, "+"))
		delete(body, "recipient")
	} else {
		body["recipient"] = encode(m.To.UserID)
		delete(body, "to")
	}
	delete(body, "biz_opaque_callback_data")
	if m.Opaque != "" {
		body["biz_opaque_callback_data"] = encode(m.Opaque)
	}
	r, err := s.call(ctx, http.MethodPost,
		s.p.PartnerBaseURL+"/partner/app/"+url.PathEscape(s.p.AppID)+"/v3/message", "application/json", string(encode(body)))
	if err != nil {
		return providers.Sent{}, err
	}
	return v3Answer(r)
}

// call makes one request with the credentials of the API in use.
func (s *Sender) call(ctx context.Context, method, url, contentType, body string) (transport.Response, *providers.Error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		// The base URL is invalid, and the cause would quote it.
		return transport.Response{}, refuse(providers.Operator, 0, "the provider's base URL is not valid")
	}
	if body == "" {
		req.Body = http.NoBody
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Accept", "application/json")
	if s.p.V3 {
		req.Header.Set("Authorization", s.p.PartnerToken)
	} else {
		req.Header.Set("Apikey", s.p.APIKey)
	}
	return s.p.Client.Do(ctx, req)
}

// Forget makes the next use of a template fetch the list again. Call it when a template has
// changed, or when a report says that a template was not found (TemplatesStale), since v2 reports
// that only after it accepted the message.
func (s *Sender) Forget() { s.templates.forget() }
