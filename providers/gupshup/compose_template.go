package gupshup

import (
	"encoding/json"
	"fmt"
	"strings"

	"wagate/providers"
)

// templateCall is a template message in Cloud API form.
type templateCall struct {
	Name     string `json:"name"`
	Language struct {
		Code string `json:"code"`
	} `json:"language"`
	Components []templateComponent `json:"components"`
}

type templateComponent struct {
	Type       string          `json:"type"`
	SubType    string          `json:"sub_type"`
	Index      text            `json:"index"`
	Parameters []templateParam `json:"parameters"`
}

type templateParam struct {
	Type     string          `json:"type"`
	Name     string          `json:"parameter_name"`
	Text     string          `json:"text"`
	Payload  string          `json:"payload"`
	Image    json.RawMessage `json:"image"`
	Video    json.RawMessage `json:"video"`
	Document json.RawMessage `json:"document"`
	Location json.RawMessage `json:"location"`
	Currency fallback        `json:"currency"`
	DateTime fallback        `json:"date_time"`
}

type fallback struct {
	Value string `json:"fallback_value"`
}

// templateDraft holds the form fields of the v2 template endpoint.
type templateDraft struct {
	template  map[string]any   // id and params
	header    map[string]any   // message, for a media or location header
	postbacks []map[string]any // postbackTexts
}

// readTemplate decodes the template of a message.
func readTemplate(m providers.Message) (templateCall, error) {
	var c templateCall
	if err := member("template", m.Body["template"], &c); err != nil {
		return c, err
	}
	switch {
	case c.Name == "":
		return c, missing("template.name")
	case c.Language.Code == "":
		return c, missing("template.language.code")
	}
	return c, nil
}

// compose matches the parameters to the registered template. v2 has one flat list of parameters. It
// is not documented where the parameter of a text header or a link button belongs in it, so a
// template that needs one is refused.
func (c templateCall) compose(r registered) (templateDraft, error) {
	d := templateDraft{}
	var params []string
	for _, comp := range c.Components {
		var err error
		switch strings.ToLower(comp.Type) {
		case "body":
			params, err = comp.bodyParams()
		case "header":
			d.header, err = comp.mediaHeader()
		case "button":
			var p map[string]any
			if p, err = comp.postback(); p != nil {
				d.postbacks = append(d.postbacks, p)
			}
		default:
			err = misfit("components of this type cannot be sent through Gupshup's v2 API")
		}
		if err != nil {
			return d, err
		}
	}
	if r.blocked != "" {
		return d, misfit(r.blocked)
	}
	if given, _ := d.header["type"].(string); given != r.header {
		return d, misfit("the template's header is " + first(r.header, "text") + ", the message's is " + first(given, "missing"))
	}
	if r.Params >= 0 && len(params) != r.Params {
		return d, refuse(providers.TemplateError, codeTemplateParams,
			fmt.Sprintf("the template has %d parameters, the message %d", r.Params, len(params)))
	}
	if params == nil {
		params = []string{}
	}
	d.template = map[string]any{"id": r.ID, "params": params}
	return d, nil
}

// bodyParams returns the positional parameters as strings.
func (c templateComponent) bodyParams() ([]string, error) {
	var out []string
	for i, p := range c.Parameters {
		if p.Name != "" {
			return nil, misfit("named parameters cannot be sent through Gupshup's v2 API")
		}
		s := p.Text
		switch p.Type {
		case "currency":
			s = p.Currency.Value
		case "date_time":
			s = p.DateTime.Value
		}
		if strings.TrimSpace(s) == "" {
			return nil, refuse(providers.TemplateError, codeTemplateParams, fmt.Sprintf("parameter %d is empty", i+1))
		}
		out = append(out, s)
	}
	return out, nil
}

// mediaHeader returns a media or location header in the dialect of the template endpoint, which
// differs from that of free-form messages.
func (c templateComponent) mediaHeader() (map[string]any, error) {
	if len(c.Parameters) == 0 {
		return nil, nil
	}
	p := c.Parameters[0]
	object := map[string]json.RawMessage{
		"image": p.Image, "video": p.Video, "document": p.Document, "location": p.Location,
	}[p.Type]
	if len(c.Parameters) > 1 || !isObject(object) {
		return nil, misfit("a header parameter that is neither media nor location cannot be sent through Gupshup's v2 API")
	}
	if p.Type == "location" {
		var l map[string]text
		if err := json.Unmarshal(object, &l); err != nil {
			return nil, misfit("the header's location has the wrong type")
		}
		// Strings here, unlike in a free-form location.
		strs := map[string]any{}
		for k, v := range l {
			put(strs, k, v.String())
		}
		return map[string]any{"type": p.Type, p.Type: strs}, nil
	}
	return map[string]any{"type": p.Type, p.Type: object}, nil
}

// postback returns the payload of a quick reply button, nil if it has none.
func (c templateComponent) postback() (map[string]any, error) {
	if !strings.EqualFold(c.SubType, "quick_reply") {
		return nil, misfit("a button parameter other than a quick reply's payload cannot be sent through Gupshup's v2 API")
	}
	if len(c.Parameters) == 0 || c.Parameters[0].Payload == "" {
		return nil, nil
	}
	return map[string]any{"index": c.Index.int(), "text": c.Parameters[0].Payload}, nil
}

// misfit refuses a template message that v2 cannot express.
func misfit(why string) *providers.Error {
	return refuse(providers.TemplateError, codeTemplateFormat, why)
}
