package providertest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// GraphTemplate is one template of the account's registry.
type GraphTemplate struct {
	ID, Name, Language string // language default pt_BR
	Status             string // default APPROVED
	Category           string // default UTILITY
	Format             string // parameter_format, default POSITIONAL
	Quality            string // quality_score, default UNKNOWN; listed only if requested, as at Meta
	Body               string // text with {{1}}, {{2}}
	// Components replaces the components of the listing. Default: the body only.
	Components []any
}

func (t GraphTemplate) language() string { return cmp.Or(t.Language, "pt_BR") }

// refuseTemplate returns why a template is not sent, nil if it is.
func (g *Graph) refuseTemplate(s GraphSend) *graphError {
	problem := func(status, code int, details string) *graphError {
		return &graphError{status: status, code: code, details: details}
	}
	i := slices.IndexFunc(g.p.Templates, func(t GraphTemplate) bool {
		return t.Name == s.Template && t.language() == s.Language
	})
	if i < 0 {
		return problem(http.StatusNotFound, 132001, "The template does not exist in this language.")
	}
	t := g.p.Templates[i]
	switch cmp.Or(t.Status, "APPROVED") {
	case "APPROVED":
	case "PAUSED":
		return problem(http.StatusBadRequest, 132015, "The template is paused.")
	case "DISABLED":
		return problem(http.StatusBadRequest, 132016, "The template is disabled.")
	default:
		return problem(http.StatusNotFound, 132001, "The template is not approved.")
	}
	size := 0
	for _, p := range s.Params {
		if strings.TrimSpace(p) == "" {
			return problem(http.StatusBadRequest, 131008, "A parameter's text is missing.")
		}
		if strings.ContainsAny(p, "\n\t") || strings.Contains(p, "     ") {
			return problem(http.StatusBadRequest, 132012, "A parameter has newlines, tabs or too many spaces.")
		}
		size += len(p)
	}
	if len(s.Params) != countPlaceholders(t.Body) {
		return problem(http.StatusBadRequest, 132000, "The number of parameters does not match.")
	}
	if size+len(t.Body) > 4096 {
		return problem(http.StatusBadRequest, 132005, "The text with its parameters is too long.")
	}
	return nil
}

// countPlaceholders counts {{1}}, {{2}}, … up to the first that is missing.
func countPlaceholders(body string) int {
	n := 0
	for strings.Contains(body, "{{"+itoa(n+1)+"}}") {
		n++
	}
	return n
}

// listTemplates answers the listing page by page.
func (g *Graph) listTemplates(w http.ResponseWriter, r *http.Request) {
	limit, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("limit"), "25"))
	if err != nil || limit < 1 {
		writeGraphError(w, invalidParameter("limit must be a positive number."))
		return
	}
	start := 0
	if after := r.URL.Query().Get("after"); after != "" {
		start, err = strconv.Atoi(strings.TrimPrefix(after, "cursor"))
		if err != nil || start < 0 {
			writeGraphError(w, invalidParameter("after is not a cursor of ours."))
			return
		}
	}
	all := g.p.Templates
	start = min(start, len(all))
	end := min(start+min(limit, 100), len(all))
	data := []any{}
	for i, t := range all[start:end] {
		components := t.Components
		if components == nil {
			components = []any{map[string]string{"type": "BODY", "text": t.Body}}
		}
		listed := map[string]any{
			"id": cmp.Or(t.ID, "87000000000"+strconv.Itoa(1000+start+i)), "name": t.Name, "language": t.language(),
			"status": cmp.Or(t.Status, "APPROVED"), "category": cmp.Or(t.Category, "UTILITY"),
			"parameter_format": cmp.Or(t.Format, "POSITIONAL"), "components": components,
		}
		if slices.Contains(strings.Split(r.URL.Query().Get("fields"), ","), "quality_score") {
			listed["quality_score"] = map[string]any{"score": cmp.Or(t.Quality, "UNKNOWN"), "date": 1760000000}
		}
		data = append(data, listed)
	}
	paging := map[string]any{}
	if len(data) > 0 {
		paging["cursors"] = map[string]string{"before": "cursor" + itoa(start), "after": "cursor" + itoa(end)}
	}
	if end < len(all) {
		paging["next"] = "https://graph.invalid/next"
	}
	writeJSON(w, http.StatusOK, map[string]any{"data": data, "paging": paging})
}
