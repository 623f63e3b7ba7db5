package outbound

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// Meta's error codes (sheet §11). Every error answer carries one, whichever the provider.
const (
	codeInvalid       = 100
	codeMissing       = 131008
	codeTransient     = 131000
	codeUnavailable   = 131016
	codeUndeliverable = 131026
	codeLocked        = 131031
	codeWindowClosed  = 131047
	codeCapped        = 131049
	codeOptedOut      = 131050
	codeUnsupported   = 131051
	codeThrottled     = 130429
	codeTemplate      = 132001
	codeParameters    = 132000
	codePaused        = 132015
	codeDisabled      = 132016
)

// titles has, for each code, the title and the HTTP status that Meta documents.
var titles = map[int]struct {
	title  string
	status int
}{
	codeInvalid:       {"Invalid parameter", http.StatusBadRequest},
	codeMissing:       {"Required parameter is missing", http.StatusBadRequest},
	codeTransient:     {"Something went wrong", http.StatusInternalServerError},
	codeUnavailable:   {"Service unavailable", http.StatusServiceUnavailable},
	codeUndeliverable: {"Message undeliverable", http.StatusBadRequest},
	codeLocked:        {"Business Account locked", http.StatusForbidden},
	codeWindowClosed:  {"Re-engagement message", http.StatusBadRequest},
	codeCapped:        {"Message not delivered to maintain a healthy ecosystem", http.StatusBadRequest},
	codeOptedOut:      {"User has stopped marketing messages", http.StatusBadRequest},
	codeUnsupported:   {"Unsupported message type", http.StatusBadRequest},
	codeThrottled:     {"Rate limit hit", http.StatusBadRequest},
	codeTemplate:      {"Template name does not exist in the translation", http.StatusNotFound},
	codeParameters:    {"Number of parameters does not match the expected number of params", http.StatusBadRequest},
	132005:            {"Translated text too long", http.StatusBadRequest},
	132007:            {"Template content violates a character policy", http.StatusBadRequest},
	132012:            {"Parameter format does not match format in the created template", http.StatusBadRequest},
	codePaused:        {"Template is paused", http.StatusBadRequest},
	codeDisabled:      {"Template is disabled", http.StatusBadRequest},
}

// ofKind has the code for a provider's failure that does not carry a Meta code.
var ofKind = map[providers.ErrorKind]int{
	providers.Throttled: codeThrottled, providers.Transient: codeUnavailable, providers.WindowClosed: codeWindowClosed,
	providers.TemplateError: codeTemplate, providers.Undeliverable: codeUndeliverable, providers.OptedOut: codeOptedOut,
	providers.Capped: codeCapped, providers.Operator: codeLocked, providers.Invalid: codeInvalid,
	providers.Unknown: codeTransient,
}

const (
	neverWrote = "Message failed to send because more than 24 hours have passed since the customer last replied to this number."
	maybeSent  = "The provider did not say whether it took the message. It may have been sent; do not send it again."
)

// failure is an error answer before it is encoded.
type failure struct {
	code       int
	status     int
	details    string
	title      string
	retryAfter time.Duration
}

func fail(code int, details string) *failure {
	t := titles[code]
	return &failure{code: code, status: t.status, title: t.title, details: details}
}

// later returns the failure for a request that may succeed once it is made again, after this time.
func later(after time.Duration, details string) *failure {
	f := fail(codeUnavailable, details)
	f.retryAfter = after
	return f
}

// refused returns the failure for a refusal of the guard.
func refused(no followup.Refusal) *failure {
	switch no {
	case followup.RefusedWindow:
		return fail(codeWindowClosed, neverWrote)
	case followup.RefusedOptedOut:
		return fail(codeOptedOut, "The customer asked to receive no marketing messages.")
	case followup.RefusedPaused:
		return later(time.Minute, "Sending is paused by the operator; the message was not sent.")
	case followup.RefusedStale, followup.RefusedLeadMoved, followup.RefusedTemplate, followup.RefusedLate, followup.Allowed:
	}
	return later(time.Second, "The contact is being changed; the message was not sent.")
}

// failed returns the failure for a provider's error. It keeps Meta's own codes and replaces those
// of other providers by the Meta code of the same kind.
func failed(e *providers.Error) *failure {
	switch {
	case e.MaybeSent:
		return fail(codeTransient, maybeSent)
	case e.Kind == providers.Operator && aboutAccess(e.Code):
		// Passed on unchanged, the error would make callers look for the fault in their own key.
		return fail(codeLocked, fmt.Sprintf(
			"The provider does not accept the platform's access to it (code %d). The operator has to mend it.", e.Code))
	}
	code, ok := ofKind[e.Kind]
	if !ok {
		code = codeTransient
	}
	f := fail(code, e.Detail)
	if isMeta(e.Code) {
		f.code = e.Code
		if t, ok := titles[e.Code]; ok {
			f.title, f.status = t.title, t.status
		} else if e.Detail != "" { // better than the title of the kind's code
			f.title = strings.TrimPrefix(e.Detail, fmt.Sprintf("(#%d) ", e.Code))
		}
		if e.Status >= 400 {
			f.status = e.Status
		}
	}
	if f.details == "" {
		f.details = f.title
	}
	f.retryAfter = e.RetryAfter
	return f
}

// aboutAccess reports whether a code is about a token or its permissions.
func aboutAccess(code int) bool {
	return code == 0 || code == 3 || code == 10 || code == 190 || (code >= 200 && code < 300)
}

// isMeta reports whether a code belongs to Meta's table. Gupshup's own codes are below 5000 and
// overlap only with 4 and 10, which Gupshup does not use.
func isMeta(code int) bool {
	return code >= 100_000 || code == 100 || code == 190 || code == 368 || code == 80007 || code == 80008 ||
		(code > 0 && code < 100) || (code >= 200 && code < 300)
}

type graphError struct {
	Message   string    `json:"message"`
	Type      string    `json:"type"`
	Code      int       `json:"code"`
	Subcode   int       `json:"error_subcode,omitempty"`
	ErrorData errorData `json:"error_data"`
	TraceID   string    `json:"fbtrace_id"`
}

type errorData struct {
	Product string `json:"messaging_product"`
	Details string `json:"details"`
}

func (f *failure) answer() Answer {
	return Answer{
		Status: f.status, RetryAfter: f.retryAfter,
		Body: mustJSON(map[string]graphError{"error": {
			Message: fmt.Sprintf("(#%d) %s", f.code, f.title), Type: "OAuthException", Code: f.code,
			ErrorData: errorData{Product: "whatsapp", Details: f.details},
		}}),
	}
}

// unknownObject returns Graph's answer for an id that does not exist or belongs to another
// tenant. Its status is 404, as everywhere for another tenant's things.
func unknownObject(id string) Answer {
	return Answer{Status: http.StatusNotFound, Body: mustJSON(map[string]graphError{"error": {
		Message: fmt.Sprintf("Unsupported post request. Object with ID '%s' does not exist, "+
			"cannot be loaded due to missing permissions, or does not support this operation.", id),
		Type: "GraphMethodException", Code: codeInvalid, Subcode: 33,
		ErrorData: errorData{Product: "whatsapp", Details: "the path names no channel of this tenant, by phone number id or channel id"},
	}})}
}

// accepted returns the Cloud API's success answer. If the provider's answer does not name the
// contact, the one that the message was addressed to stands in.
func accepted(msg message, sent providers.Sent) Answer {
	type contact struct {
		Input  string `json:"input"`
		WaID   string `json:"wa_id,omitempty"`
		UserID string `json:"user_id,omitempty"`
	}
	type sentMessage struct {
		ID     string `json:"id"`
		Status string `json:"message_status,omitempty"`
	}
	c := contact{Input: msg.input, WaID: sent.Contact.Phone, UserID: sent.Contact.UserID}
	if c.WaID == "" && c.UserID == "" {
		c.WaID, c.UserID = msg.To.Phone, msg.To.UserID
	}
	return Answer{Status: http.StatusOK, Body: mustJSON(struct {
		Product  string        `json:"messaging_product"`
		Contacts []contact     `json:"contacts"`
		Messages []sentMessage `json:"messages"`
	}{"whatsapp", []contact{c}, []sentMessage{{ID: sent.ID, Status: sent.MessageStatus}}})}
}
