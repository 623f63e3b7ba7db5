package providertest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// serve handles a call. Paths are matched by hand, so that an unknown path is answered with Graph's
// error object.
func (g *Graph) serve(w http.ResponseWriter, r *http.Request) {
	body := g.take(r)
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || token == "" || g.p.Token != "" && token != g.p.Token {
		writeGraphError(w, graphError{status: http.StatusUnauthorized, code: 190, details: "The access token is invalid."})
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) != 3 || !strings.HasPrefix(parts[0], "v") {
		writeGraphError(w, invalidParameter("Unknown path components."))
		return
	}
	switch {
	case r.Method == http.MethodPost && parts[2] == "messages" && g.hosts(parts[1]):
		g.messages(w, r, parts[1], body)
	case r.Method == http.MethodGet && parts[2] == "message_templates" && parts[1] == g.p.WABA:
		g.listTemplates(w, r)
	default:
		writeGraphError(w, invalidParameter("Object does not exist, or the operation is not supported."))
	}
}

func (g *Graph) hosts(number string) bool {
	return slices.ContainsFunc(g.p.Numbers, func(n GraphNumber) bool { return n.ID == number })
}

// messages handles a message or a read receipt.
func (g *Graph) messages(w http.ResponseWriter, r *http.Request, number string, body []byte) {
	m, problem := parseMessage(body)
	if problem != nil {
		writeGraphError(w, *problem)
		return
	}
	if m.Status != "" {
		writeJSON(w, http.StatusOK, map[string]bool{"success": true})
		return
	}
	s := m.send()
	s.ID, s.Number, s.Body, s.At = newWAMID(), number, body, g.now()
	if problem := g.refuse(s); problem != nil {
		writeGraphError(w, *problem)
		return
	}
	if g.play(w, r, g.fault(s), func() { g.accept(s) }) {
		writeJSON(w, http.StatusOK, answerTo(m, s))
	}
}

// accept records an accepted message and posts the statuses about it.
func (g *Graph) accept(s GraphSend) {
	g.mu.Lock()
	g.sends = append(g.sends, s)
	g.touch()
	g.mu.Unlock()
	g.report(s)
}

// answerTo returns the answer to an accepted message.
func answerTo(m graphMessage, s GraphSend) any {
	type contact struct {
		Input  string `json:"input"`
		WAID   string `json:"wa_id,omitempty"`
		UserID string `json:"user_id,omitempty"`
	}
	type message struct {
		ID     string `json:"id"`
		Status string `json:"message_status,omitempty"`
	}
	c := contact{Input: m.To, WAID: s.To}
	if m.To == "" {
		c = contact{Input: m.Recipient, UserID: m.Recipient}
	}
	a := message{ID: s.ID}
	if s.Type == "template" {
		a.Status = "accepted"
	}
	return struct {
		Product  string    `json:"messaging_product"`
		Contacts []contact `json:"contacts"`
		Messages []message `json:"messages"`
	}{"whatsapp", []contact{c}, []message{a}}
}

// newWAMID invents a message id.
func newWAMID() string { return "wamid.INVENTED" + rand.Text() }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	// The caller may be gone. There is nobody else to tell.
	_ = json.NewEncoder(w).Encode(v)
}

// graphError is an error answer.
type graphError struct {
	status, code int
	details      string
}

func invalidParameter(details string) graphError {
	return graphError{status: http.StatusBadRequest, code: 100, details: details}
}

func writeGraphError(w http.ResponseWriter, e graphError) {
	type data struct {
		Product string `json:"messaging_product"`
		Details string `json:"details"`
	}
	type object struct {
		Message string `json:"message"`
		Type    string `json:"type"`
		Code    int    `json:"code"`
		Data    data   `json:"error_data"`
		Trace   string `json:"fbtrace_id"`
	}
	writeJSON(w, e.status, map[string]object{"error": {
		Message: "(#" + itoa(e.code) + ") " + e.details, Type: "OAuthException", Code: e.code,
		Data: data{Product: "whatsapp", Details: e.details}, Trace: rand.Text(),
	}})
}
