package gupshup

import (
	"encoding/json"
	"net/http"
	"strings"

	"wagate/providers"
	"wagate/providers/cloudapi"
	"wagate/providers/transport"
)

// answer is the union of the answers of the send endpoints: Gupshup's own form, Meta's success and
// Meta's error.
type answer struct {
	Status    text            `json:"status"`
	MessageID text            `json:"messageId"`
	Message   json.RawMessage `json:"message"`
	Code      text            `json:"code"`
	Error     json.RawMessage `json:"error"`

	Messages []struct {
		ID     text `json:"id"`
		Status text `json:"message_status"`
	} `json:"messages"`
	Contacts []struct {
		WaID   text `json:"wa_id"`
		UserID text `json:"user_id"`
	} `json:"contacts"`
}

// wording is the text and code of an error, from any of the places where answers have them.
type wording struct {
	Code    text `json:"code"`
	Message text `json:"message"`
	Reason  text `json:"reason"`
	Data    struct {
		Details text `json:"details"`
	} `json:"error_data"`
}

// v2Answer reads the answer of /msg and /template/msg. It ignores the content type, which is not
// reliable. A message is accepted only if the answer has a success status, an id and no error.
func v2Answer(r transport.Response, to providers.Contact) (providers.Sent, *providers.Error) {
	var a answer
	ok := read(r.Body, &a)
	if !ok || !r.OK() || a.failed() || a.MessageID.String() == "" {
		return providers.Sent{}, a.err(r)
	}
	return providers.Sent{ID: a.MessageID.String(), Contact: to}, nil
}

// v3Answer reads the answer of /v3/message: Meta's answer, with an id of Gupshup's.
func v3Answer(r transport.Response) (providers.Sent, *providers.Error) {
	var a answer
	ok := read(r.Body, &a)
	if !ok || !r.OK() || a.failed() || len(a.Messages) == 0 || a.Messages[0].ID.String() == "" {
		return providers.Sent{}, a.err(r)
	}
	s := providers.Sent{
		ID:            a.Messages[0].ID.String(),
		MessageStatus: a.Messages[0].Status.String(),
	}
	if len(a.Contacts) > 0 {
		s.Contact = contact(a.Contacts[0].UserID, a.Contacts[0].WaID)
	}
	return s, nil
}

// failed reports whether the answer says that it is an error.
func (a answer) failed() bool {
	return strings.EqualFold(a.Status.String(), "error") || isObject(a.Error)
}

// err returns the error for an answer that does not accept the message.
func (a answer) err(r transport.Response) *providers.Error {
	w := wording{Code: a.Code}
	switch {
	case isObject(a.Error):
		read(a.Error, &w)
	case isObject(a.Message):
		read(a.Message, &w)
	default:
		var m text
		if json.Unmarshal(a.Message, &m) == nil {
			w.Message = m
		}
	}
	e := classify(w.Code.int(), r.Status)
	said := first(w.Data.Details, w.Message, w.Reason).String()
	switch {
	case w.Code.int() != 0:
	case r.OK() && a.failed():
		// A success status together with an error: nothing was accepted.
		e.Kind, e.MaybeSent = providers.Invalid, false
	case r.Status == http.StatusNotFound || r.Status >= 300 && r.Status < 400:
		e.Kind = providers.Operator // no such app, or a wrong base URL
	}
	if w.Code.int() == 0 && e.Kind == providers.Invalid && operatorTrouble(said) {
		e.Kind = providers.Operator
	}
	if r.RetryAfter > 0 {
		e.RetryAfter = r.RetryAfter
	}
	e.Detail = cloudapi.Detail(said)
	return &e
}

// operatorTrouble reports whether the text of a refusal without a code is about the app or its
// credentials rather than about this message.
func operatorTrouble(said string) bool {
	said = strings.ToLower(said)
	for _, words := range []string{"invalid app", "app details", "authentication", "unauthori", "invalid source", "wallet", "balance"} {
		if strings.Contains(said, words) {
			return true
		}
	}
	return false
}

// notSent returns the error for a step before the send itself. Whatever happened in that step, the
// message was not sent, so a throttled or transient error may be retried.
func notSent(err error) *providers.Error {
	e := *providers.AsError(err)
	e.MaybeSent = false
	e.Retryable = e.Kind == providers.Throttled || e.Kind == providers.Transient
	return &e
}
