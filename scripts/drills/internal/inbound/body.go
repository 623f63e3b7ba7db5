package inbound

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"wagate/providers/meta"
	"wagate/providers/providertest"
	"wagate/scripts/drills/internal/fleet"
)

// forgedWords begin the text of every forged message.
const forgedWords = "forged"

// poisonWords begin the text of every message that an assistant rejects.
const poisonWords = "poison"

// words returns the text of a message, with escapes as Meta writes them.
func (e event) words() string {
	switch {
	case e.nth < 0:
		return forgedWords + " " + e.id
	case e.poison:
		return poisonWords + " " + strconv.Itoa(e.nth)
	}
	return "Ol\\u00e1, mensagem " + strconv.Itoa(e.nth) + ": voc\\u00eas entregam em Niter\\u00f3i at\\u00e9 s\\u00e1bado \\ud83d\\ude42?"
}

// write returns the request that posts a webhook's events in the given form.
func write(h *hook, f form, list []event, now time.Time) fleet.Request {
	r := fleet.Request{Method: http.MethodPost, Path: h.tenant.path(), Header: http.Header{}}
	switch f {
	case formMeta:
		r.Body = writeMeta(nil, "", list, now)
	case formV3:
		r.Body = writeMeta(nil, h.tenant.named(h.forged).appID(), list, now)
	case formV2:
		r.Body = writeV2(h.tenant.named(h.forged), list[0], now)
	}
	if h.tenant.app != nil {
		sign(&r, h)
	} else {
		present(&r, h)
	}
	return r
}

// named returns the tenant whose app a Gupshup callback names.
func (t *tenant) named(f forgery) *tenant {
	if f == foreign {
		return &tenant{name: "stranger"}
	}
	return t
}

// sign adds Meta's signature, or the defect of a forged webhook.
func sign(r *fleet.Request, h *hook) {
	own, other := h.tenant.app, mainApp
	if own == other {
		other = secondApp
	}
	signature := providertest.Sign(own.secret, r.Body)
	switch h.forged {
	case genuine:
	case unsigned:
		return
	case otherSecret:
		signature = providertest.Sign(other.secret, r.Body)
	case tampered:
		signature = providertest.Sign(own.secret, r.Body[1:])
	case malformed:
		signature = "sha256=" + own.key
	case foreign: // signed by an app to which the number is not bound, at that app's own URL
		r.Path = "/webhooks/meta/" + other.key
		signature = providertest.Sign(other.secret, r.Body)
	}
	r.Header.Set(meta.SignatureHeader, signature)
}

// present adds Gupshup's callback token, or the defect of a forged webhook.
func present(r *fleet.Request, h *hook) {
	token := h.tenant.token()
	switch h.forged {
	case genuine, foreign:
	case unsigned:
		return
	case otherSecret:
		token = "other-callback-token"
	case tampered:
		token = token[:len(token)-1]
	case malformed:
		token = "sha256=" + token
	}
	r.Header.Set("X-Callback-Token", token)
}

// writeMeta writes Meta's envelope, or Gupshup's version 3 of it. Consecutive events of one number
// and kind share a change.
func writeMeta(b []byte, gupshup string, list []event, now time.Time) []byte {
	b = append(b, '{')
	entry := account
	if gupshup != "" {
		b = fmt.Appendf(b, `"gs_app_id":%q,`, gupshup)
		entry = "310000000000099"
	}
	b = fmt.Appendf(b, `"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[`, entry)
	for i := 0; i < len(list); {
		end := i + 1
		for end < len(list) && list[end].lead.tenant == list[i].lead.tenant && (list[end].state == "") == (list[i].state == "") {
			end++
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = writeChange(b, list[i:end], now)
		i = end
	}
	return append(b, `]}]}`...)
}

func writeChange(b []byte, list []event, now time.Time) []byte {
	t := list[0].lead.tenant
	b = fmt.Appendf(b, `{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":%q,`+
		`"phone_number_id":%q},"contacts":[`, t.display(), t.numberID())
	named := map[*lead]bool{}
	for _, e := range list {
		if named[e.lead] {
			continue
		}
		if len(named) > 0 {
			b = append(b, ',')
		}
		named[e.lead] = true
		b = fmt.Appendf(b, `{"profile":{"name":"Noor Haddad"},"wa_id":%q,"user_id":%q}`, e.lead.phone, e.lead.userID)
	}
	if list[0].state == "" {
		b = append(b, `],"messages":[`...)
	} else {
		b = append(b, `],"statuses":[`...)
	}
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if e.state == "" {
			b = fmt.Appendf(b, `{"from":%q,"from_user_id":%q,"id":%q,"timestamp":"%d","type":"text","text":{"body":"%s"}}`,
				e.lead.phone, e.lead.userID, e.id, now.Unix(), e.words())
		} else {
			b = fmt.Appendf(b, `{"id":%q,"status":%q,"timestamp":"%d","recipient_id":%q,"recipient_user_id":%q`,
				e.id, e.state, now.Unix(), e.lead.phone, e.lead.userID)
			if e.opaque != "" {
				b = fmt.Appendf(b, `,"biz_opaque_callback_data":%q`, e.opaque)
			}
			b = append(b, '}')
		}
	}
	return append(b, `]}}`...)
}

// writeV2 writes an event in Gupshup's version 2.
func writeV2(t *tenant, e event, now time.Time) []byte {
	l := e.lead
	if e.state == "" {
		return fmt.Appendf(nil, `{"app":%q,"timestamp":%d,"version":2,"type":"message","payload":{"id":%q,"source":%q,`+
			`"type":"text","payload":{"text":"%s"},"sender":{"phone":%q,"name":"Noor Haddad","userId":%q}}}`,
			t.appName(), now.UnixMilli(), e.id, l.phone, e.words(), l.phone, l.userID)
	}
	return fmt.Appendf(nil, `{"app":%q,"timestamp":%d,"version":2,"type":"message-event","payload":{"id":"%s-wa","gsId":%q,`+
		`"type":%q,"destination":%q,"userId":%q,"payload":{"ts":%d}}}`,
		t.appName(), now.UnixMilli(), e.id, e.id, e.state, l.phone, l.userID, now.Unix())
}
