package meta

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"wagate/providers"
)

const (
	templatePage  = "50" // small, because an answer is bounded and a template may be 10 kB
	templatePages = 200  // Meta allows 6,000 templates
)

var (
	errListing = errors.New("meta: template listing is not understood")
	errEndless = errors.New("meta: template listing does not end")
)

// Templates lists all templates of an account, over all pages. An error is always a
// *providers.Error.
func (s *Sender) Templates(ctx context.Context, waba string) ([]providers.TemplateInfo, error) {
	query := url.Values{
		"fields": {"id,name,language,status,category,quality_score,parameter_format,components"},
		"limit":  {templatePage},
	}
	var all []providers.TemplateInfo
	for range templatePages {
		answer, failure := s.call(ctx, http.MethodGet, url.PathEscape(waba)+"/message_templates", query, nil)
		if failure != nil {
			return nil, failure
		}
		var page struct {
			Data   []json.RawMessage `json:"data"`
			Paging struct {
				Next    string `json:"next"`
				Cursors struct {
					After string `json:"after"`
				} `json:"cursors"`
			} `json:"paging"`
		}
		if json.Unmarshal(answer.Body, &page) != nil || page.Data == nil {
			return nil, &providers.Error{Kind: providers.Unknown, Status: answer.Status, Cause: errListing}
		}
		for _, raw := range page.Data {
			var t template
			err := json.Unmarshal(raw, &t)
			if t.Name == "" {
				continue
			}
			info := t.info()
			if err != nil {
				// List it all the same. The template exists and must not be mistaken for a deleted
				// one.
				info.Unsupported = "its definition is not understood"
			}
			all = append(all, info)
		}
		after := page.Paging.Cursors.After
		if page.Paging.Next == "" || after == "" {
			return all, nil
		}
		if after == query.Get("after") {
			break
		}
		query.Set("after", after)
	}
	return nil, &providers.Error{Kind: providers.Unknown, Cause: errEndless}
}

// template is one template of the listing.
type template struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	Language   string      `json:"language"`
	Status     string      `json:"status"`
	Category   string      `json:"category"`
	Quality    quality     `json:"quality_score"`
	Format     string      `json:"parameter_format"`
	Components []component `json:"components"`
}

type component struct {
	Type    string   `json:"type"`
	Format  string   `json:"format"`
	Text    string   `json:"text"`
	Buttons []button `json:"buttons"`
}

type button struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// quality is the quality score of a template. A score in another form reads as none: it is only
// advice, and the template is fine without it.
type quality string

// UnmarshalJSON implements json.Unmarshaler.
func (q *quality) UnmarshalJSON(b []byte) error {
	var told struct {
		Score string `json:"score"`
	}
	if json.Unmarshal(b, &told) == nil {
		*q = quality(strings.ToUpper(told.Score))
	}
	return nil
}

func (t template) info() providers.TemplateInfo {
	i := providers.TemplateInfo{
		ID:       t.ID,
		Name:     t.Name,
		Language: providers.NormalLanguage(t.Language),
		Status:   strings.ToUpper(t.Status),
		Category: strings.ToUpper(t.Category),
		Quality:  string(t.Quality),
	}
	for _, c := range t.Components {
		if strings.EqualFold(c.Type, "BODY") {
			i.Params = placeholders(c.Text)
		}
		if i.Unsupported == "" {
			i.Unsupported = c.unsupported(strings.EqualFold(t.Format, "NAMED"))
		}
	}
	return i
}

// unsupported returns why a component needs more than positional body parameters, "" if it does
// not.
func (c component) unsupported(named bool) string {
	switch strings.ToUpper(c.Type) {
	case "BODY":
		if named && strings.Contains(c.Text, "{{") {
			return "body has named parameters"
		}
	case "HEADER":
		if f := strings.ToUpper(c.Format); f != "" && f != "TEXT" {
			return "header of format " + strings.ToLower(f) + " needs a parameter"
		}
		if strings.Contains(c.Text, "{{") {
			return "header has a parameter"
		}
	case "FOOTER":
	case "BUTTONS":
		for _, b := range c.Buttons {
			switch strings.ToUpper(b.Type) {
			case "QUICK_REPLY", "PHONE_NUMBER", "VOICE_CALL", "REQUEST_CONTACT_INFO":
			case "URL":
				if strings.Contains(b.URL, "{{") {
					return "a button's address has a parameter"
				}
			default:
				return "a button of type " + strings.ToLower(b.Type) + " needs a parameter"
			}
		}
	default:
		return "component " + strings.ToLower(c.Type) + " is not supported"
	}
	return ""
}

// placeholders counts the distinct {{n}} in a body.
func placeholders(body string) int {
	seen := map[string]bool{}
	for {
		_, rest, found := strings.Cut(body, "{{")
		if !found {
			return len(seen)
		}
		name, after, found := strings.Cut(rest, "}}")
		if !found {
			return len(seen)
		}
		if name = strings.TrimSpace(name); name != "" && strings.Trim(name, "0123456789") == "" {
			seen[name] = true
		}
		body = after
	}
}
