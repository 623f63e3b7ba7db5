package gupshup

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"wagate/providers"
)

// templateRow is one template of Gupshup's listing.
type templateRow struct {
	ID       text `json:"id"`
	Name     text `json:"elementName"`
	Language text `json:"languageCode"`
	Category text `json:"category"`
	Type     text `json:"templateType"`
	Status   text `json:"status"`
	Quality  text `json:"quality"`
	Data     text `json:"data"`
	// Meta is a JSON text with the parts that Data has in one string.
	Meta text `json:"containerMeta"`
}

// templateMeta is the part of containerMeta that decides whether a template can be sent.
type templateMeta struct {
	Data    text              `json:"data"`
	Header  text              `json:"header"`
	Buttons []json.RawMessage `json:"buttons"`
	Cards   []json.RawMessage `json:"cards"`
}

// registered is a template together with what sending it through v2 needs beyond TemplateInfo.
type registered struct {
	providers.TemplateInfo

	header  string // Cloud API type of the media header it needs; empty if none
	blocked string // why v2 cannot send it at all; empty if it can
}

// placeholder matches {{1}} and {{first_name}}.
var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_]+)\s*\}\}`)

// describe converts a row. It returns false if the row has no id or no name.
func (row templateRow) describe() (registered, bool) {
	r := registered{TemplateInfo: providers.TemplateInfo{
		ID:       row.ID.String(),
		Name:     row.Name.String(),
		Language: providers.NormalLanguage(row.Language.String()),
		Status:   strings.ToUpper(row.Status.String()),
		Category: strings.ToUpper(row.Category.String()),
		Quality:  strings.ToUpper(row.Quality.String()),
	}}
	if r.ID == "" || r.Name == "" {
		return r, false
	}
	body, rest := row.parts()
	var named bool
	r.Params, named = count(body)
	switch typ := strings.ToUpper(row.Type.String()); typ {
	case "", "TEXT":
	case "IMAGE", "VIDEO", "DOCUMENT", "LOCATION":
		r.header = strings.ToLower(typ)
		r.Unsupported = "it needs a header: " + r.header
	default:
		r.blocked = "templates of type " + typ + " need more than body parameters"
	}
	switch {
	case r.blocked != "":
	case named:
		r.blocked = "it has named parameters"
	case placeholder.MatchString(rest):
		r.blocked = "its header or a button takes a parameter"
	case r.Category == "AUTHENTICATION":
		r.blocked = "authentication templates need the code in a button too"
	}
	if r.blocked != "" {
		r.Unsupported = r.blocked
	}
	return r, true
}

// parts splits a template into its body and everything else that may take a parameter.
func (row templateRow) parts() (body, rest string) {
	var meta templateMeta
	if read(json.RawMessage(row.Meta), &meta) && meta.Data != "" {
		rest = string(meta.Header)
		for _, b := range append(meta.Buttons, meta.Cards...) {
			rest += string(b)
		}
		return string(meta.Data), rest
	}
	// Data is everything in one string, buttons last: "text | [Confirm]".
	body, rest, _ = strings.Cut(string(row.Data), " | [")
	return body, rest
}

// count returns the number of positional parameters of a body, or -1 and true if the parameters
// have names.
func count(body string) (n int, named bool) {
	seen := map[string]bool{}
	for _, m := range placeholder.FindAllStringSubmatch(body, -1) {
		if _, err := strconv.Atoi(m[1]); err != nil {
			return -1, true
		}
		seen[m[1]] = true
	}
	return len(seen), false
}

// templateKey identifies a template to its users. Each Gupshup id is for one language, and another
// language is never substituted.
type templateKey struct{ name, language string }

// index indexes rows by key. Of two rows with the same key the approved one counts, otherwise the
// first one listed.
func index(rows []registered) map[templateKey]registered {
	m := make(map[templateKey]registered, len(rows))
	for _, r := range rows {
		k := templateKey{r.Name, r.Language}
		if old, ok := m[k]; ok && (old.Status == providers.TemplateApproved || r.Status != providers.TemplateApproved) {
			continue
		}
		m[k] = r
	}
	return m
}

// sendable returns why a template cannot be sent, nil if it can.
func (r registered) sendable() error {
	switch r.Status {
	case providers.TemplateApproved:
		return nil
	case providers.TemplatePaused:
		return refuse(providers.TemplateError, codeTemplatePaused, "the template is paused")
	case providers.TemplateDisabled:
		return refuse(providers.TemplateError, codeTemplateDisabled, "the template is disabled")
	default:
		return refuse(providers.TemplateError, codeTemplateMissing, "the template is not approved")
	}
}
