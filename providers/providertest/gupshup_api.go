package providertest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// routes serves the part of Gupshup's API that a gateway calls.
func (g *Gupshup) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /wa/api/v1/msg", g.api(g.sendMsg))
	mux.HandleFunc("POST /wa/api/v1/template/msg", g.api(g.sendTemplate))
	mux.HandleFunc("GET /wa/app/{app}/template", g.api(g.listTemplates))
	mux.HandleFunc("POST /partner/app/{app}/template/msg", g.partner(g.sendTemplate))
	mux.HandleFunc("POST /partner/app/{app}/v3/message", g.partner(g.sendV3))
	mux.HandleFunc("GET /partner/app/{app}/templates", g.partner(g.listTemplates))
	return mux
}

// gupshupHandler handles a recorded call whose body has been read.
type gupshupHandler func(w http.ResponseWriter, r *http.Request, body []byte)

// api and partner record a call and check its credentials.
func (g *Gupshup) api(h gupshupHandler) http.HandlerFunc {
	return g.checked("apikey", g.opt.APIKey, h)
}

func (g *Gupshup) partner(h gupshupHandler) http.HandlerFunc {
	return g.checked("Authorization", g.opt.PartnerToken, h)
}

func (g *Gupshup) checked(header, want string, h gupshupHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := g.take(r)
		switch app := r.PathValue("app"); {
		case want == "" || r.Header.Get(header) != want:
			gupshupAnswer(w, http.StatusUnauthorized, GupshupUnauthorised().Body)
		case app != "" && app != g.opt.AppID:
			gupshupAnswer(w, http.StatusNotFound, gupshupError("App not found"))
		default:
			h(w, r, body)
		}
	}
}

// sendMsg accepts a free-form v2 message.
func (g *Gupshup) sendMsg(w http.ResponseWriter, r *http.Request, body []byte) {
	form, ok := g.form(w, body)
	if !ok {
		return
	}
	msg := form.Get("message")
	var typed struct {
		Type string `json:"type"`
	}
	if json.Unmarshal([]byte(msg), &typed) != nil || typed.Type == "" {
		gupshupAnswer(w, http.StatusBadRequest, gupshupError("Invalid Message"))
		return
	}
	g.accept(w, r, GupshupSend{To: form.Get("destination"), Message: msg}, gupshupAccepted)
}

// sendTemplate accepts a template message. What is wrong with its template is reported later.
func (g *Gupshup) sendTemplate(w http.ResponseWriter, r *http.Request, body []byte) {
	form, ok := g.form(w, body)
	if !ok {
		return
	}
	var t struct {
		ID     string   `json:"id"`
		Params []string `json:"params"`
	}
	if json.Unmarshal([]byte(form.Get("template")), &t) != nil || t.ID == "" {
		gupshupAnswer(w, http.StatusBadRequest, gupshupError("Invalid Template"))
		return
	}
	s := GupshupSend{To: form.Get("destination"), Template: true, Message: form.Get("template"), Code: 4003}
	for _, known := range g.opt.Templates {
		if known.ID == t.ID {
			s.Code = gupshupTemplateCode(known, len(t.Params))
		}
	}
	g.accept(w, r, s, gupshupAccepted)
}

// gupshupTemplateCode returns the code that a template message fails with, 0 if it does not fail.
func gupshupTemplateCode(t GupshupTemplate, params int) int {
	want := 0
	for strings.Contains(t.Body, "{{"+strconv.Itoa(want+1)+"}}") {
		want++
	}
	switch {
	case strings.EqualFold(t.Status, "PAUSED"):
		return 4005
	case !strings.EqualFold(t.Status, "APPROVED"):
		return 4003
	case params != want:
		return 132000
	default:
		return 0
	}
}

// form parses a v2 send and checks what Gupshup checks at once.
func (g *Gupshup) form(w http.ResponseWriter, body []byte) (url.Values, bool) {
	form, err := url.ParseQuery(string(body))
	switch {
	case err != nil || form.Get("channel") != "whatsapp":
		gupshupAnswer(w, http.StatusBadRequest, gupshupError("Invalid Channel"))
	case form.Get("source") != g.opt.Source || form.Get("src.name") != g.opt.AppName:
		gupshupAnswer(w, http.StatusBadRequest, GupshupBadApp().Body)
	case form.Get("destination") == "" || strings.HasPrefix(form.Get("destination"), "+"):
		gupshupAnswer(w, http.StatusBadRequest, GupshupBadNumber().Body)
	default:
		return form, true
	}
	return nil, false
}

// sendV3 accepts a message in Meta's form.
func (g *Gupshup) sendV3(w http.ResponseWriter, r *http.Request, body []byte) {
	var m struct {
		Product   string `json:"messaging_product"`
		To        string `json:"to"`
		Recipient string `json:"recipient"`
		Type      string `json:"type"`
		Opaque    string `json:"biz_opaque_callback_data"`
		Template  struct {
			Name     string `json:"name"`
			Language struct {
				Code string `json:"code"`
			} `json:"language"`
		} `json:"template"`
	}
	err := json.Unmarshal(body, &m)
	input := m.To
	if input == "" {
		input = m.Recipient
	}
	// As at Meta, without a plus sign the country code of the business would be prefixed.
	plus := m.To == "" || strings.HasPrefix(m.To, "+")
	if err != nil || m.Product != "whatsapp" || input == "" || !plus || m.Type == "" {
		gupshupAnswer(w, http.StatusBadRequest,
			`{"error":{"message":"(#100) Invalid parameter","type":"OAuthException","code":100}}`)
		return
	}
	s := GupshupSend{To: strings.TrimPrefix(input, "+"), Template: m.Type == "template", Opaque: m.Opaque, Message: string(body)}
	if s.Template {
		s.Code = 132001
		for _, t := range g.opt.Templates {
			if t.Name == m.Template.Name && t.Language == m.Template.Language.Code && strings.EqualFold(t.Status, "APPROVED") {
				s.Code = 0
			}
		}
	}
	g.accept(w, r, s, func(s GupshupSend) (int, any) {
		contact := map[string]string{"input": input}
		if m.To != "" {
			contact["wa_id"] = s.To
		} else {
			contact["user_id"] = s.To
		}
		return http.StatusOK, map[string]any{
			"messaging_product": "whatsapp",
			"contacts":          []any{contact},
			"messages":          []any{map[string]string{"id": s.ID}},
		}
	})
}

// gupshupAccepted is the answer of the self-serve API to an accepted message.
func gupshupAccepted(s GupshupSend) (int, any) {
	return http.StatusAccepted, map[string]string{"status": "submitted", "messageId": s.ID}
}

// accept plays the next fault, or accepts the message and answers.
func (g *Gupshup) accept(w http.ResponseWriter, r *http.Request, s GupshupSend, answer func(GupshupSend) (int, any)) {
	g.mu.Lock()
	fault, _ := next(&g.script)
	g.mu.Unlock()
	w.Header().Set("Content-Type", gupshupType)
	if !g.play(w, r, fault, func() { s = g.record(s) }) {
		return
	}
	status, v := answer(s)
	b, err := json.Marshal(v)
	if err != nil {
		status = http.StatusInternalServerError
	}
	gupshupAnswer(w, status, string(b))
}

// record records an accepted message, decides how it will end, and reports on it.
func (g *Gupshup) record(s GupshupSend) GupshupSend {
	s = g.enroll(s)
	if g.opt.Reports {
		g.ReportAll(s)
	}
	return s
}

func (g *Gupshup) enroll(s GupshupSend) GupshupSend {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.ID, s.At = gupshupUUID(), g.now()
	s.WAMID = "wamid." + strings.ToUpper(strings.ReplaceAll(gupshupUUID(), "-", ""))
	switch code := g.verdicts[s.To]; {
	case code != 0:
		s.Code = code
	case s.Code == 0 && !s.Template && !s.At.Before(g.windows[s.To]):
		s.Code = 131047
	}
	g.sends = append(g.sends, s)
	g.touch()
	return s
}

// listTemplates lists the templates. Pages count from 0.
func (g *Gupshup) listTemplates(w http.ResponseWriter, r *http.Request, _ []byte) {
	page, _ := strconv.Atoi(r.URL.Query().Get("pageNo"))
	size, _ := strconv.Atoi(r.URL.Query().Get("pageSize"))
	if size <= 0 {
		size = len(g.opt.Templates) + 1
	}
	rows := []map[string]any{}
	for i, t := range g.opt.Templates {
		if i < page*size || i >= (page+1)*size {
			continue
		}
		row := map[string]any{
			"id": t.ID, "elementName": t.Name, "languageCode": t.Language, "category": t.Category,
			"templateType": t.Type, "status": t.Status, "data": t.Body, "quality": "GREEN",
		}
		if t.Meta != "" {
			row["containerMeta"] = t.Meta
		}
		rows = append(rows, row)
	}
	b, err := json.Marshal(map[string]any{"status": "success", "templates": rows})
	if err != nil {
		gupshupAnswer(w, http.StatusInternalServerError, `{"status":"error"}`)
		return
	}
	gupshupAnswer(w, http.StatusOK, string(b))
}

// gupshupType is the content type of Gupshup's answers. As with the real one, it does not match the
// content.
const gupshupType = "text/html"

func gupshupAnswer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", gupshupType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the caller may be gone
}
