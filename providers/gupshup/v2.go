package gupshup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"wagate/providers"
	"wagate/providers/cloudapi"
)

// billingField is Gupshup's name for the price of a message, in both versions.
const billingField = "billing-event"

// v2Margin is subtracted from Gupshup's event time to get the time of an inbound v2 message,
// because v2 does not contain WhatsApp's own timestamp. A window that we close a minute early costs
// a template. One closed late costs a message that Gupshup accepts and WhatsApp refuses.
const v2Margin = 60 * time.Second

// v2Event is one v2 callback while it is decoded.
type v2Event struct {
	shape
	opt Options
}

// decodeV2 decodes a v2 callback. It is one event, except that a preference event may list several
// choices.
func decodeV2(body []byte, s shape, opt Options) Inbound {
	if opt.DisplayPhone == "" {
		opt.DisplayPhone = s.Phone.String()
	}
	if len(s.Timestamp) > cloudapi.MaxIdentity {
		s.Timestamp = "" // no time is that long, and the ids of many choices may be derived from it
	}
	e := v2Event{shape: s, opt: opt}
	in := Inbound{Version: V2, App: s.App.String(), AppID: s.AppID.String()}
	var ok bool
	switch s.Type.String() {
	case "message":
		in.Events, ok = e.message()
	case "message-event":
		in.Events, ok = e.messageEvent()
	case "user-event":
		in.Events, ok = e.userEvent()
	case "template-event":
		in.Events, ok = e.templateEvent()
	case "preference-event":
		in.Events, in.Skipped = e.preferenceEvent()
		return in
	case "account-event", billingField, "system-event":
		in.Events, ok = e.notice(providers.KindAccount), true
	case "platform-event":
		in.Events, ok = e.notice(providers.KindPlatform), true
	default:
		e.Payload = bytes.Clone(body)
		in.Events, ok = e.notice(providers.KindUnknown), true
	}
	if !ok {
		in.Skipped = 1
	}
	return in
}

// event returns what all events of this callback have in common.
func (e v2Event) event(kind providers.Kind) providers.Event {
	return providers.Event{
		Kind:    kind,
		Account: first(e.AppID, e.App).String(),
		At:      e.Timestamp.time(),
	}
}

// notice relays the payload as it came, under Gupshup's own name.
func (e v2Event) notice(kind providers.Kind) []providers.Event {
	ev := e.event(kind)
	ev.ID = e.hash()
	ev.Field = first(e.Type, "unknown").String()
	ev.Value = e.Payload
	if !isObject(ev.Value) {
		ev.Value = json.RawMessage("{}")
	}
	if ev.Field == billingField {
		ev.ID = billingEventID(ev.Value, ev.ID)
	}
	return []providers.Event{ev}
}

// hash returns an id for a callback that has none of its own. It includes Gupshup's time, because
// the same notice may be true again later.
func (e v2Event) hash() string { return e.hashOf(string(e.Payload)) }

// hashOf returns an id derived from the callback's type and time and these parts.
func (e v2Event) hashOf(parts ...string) string {
	h := sha256.New()
	for _, part := range append([]string{e.Type.String(), e.Timestamp.String()}, parts...) {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return "gs:" + hex.EncodeToString(h.Sum(nil)[:16])
}

// relay gives an event its Cloud API shape: one item in a list of the field's value, with the
// contact that it is about. It returns the event as the only one of the callback.
func (e v2Event) relay(ev providers.Event, c providers.Contact, field, list string, item map[string]any) []providers.Event {
	value := map[string]any{
		"messaging_product": "whatsapp",
		"metadata": map[string]string{
			"display_phone_number": e.opt.DisplayPhone,
			"phone_number_id":      e.opt.PhoneNumberID,
		},
		list: []any{item},
	}
	if !c.IsZero() {
		// What is not known is absent, never empty.
		entry := map[string]any{}
		put(entry, "wa_id", c.Phone)
		put(entry, "user_id", c.UserID)
		if c.Name != "" {
			entry["profile"] = map[string]string{"name": c.Name}
		}
		value["contacts"] = []any{entry}
	}
	ev.Field, ev.Value = field, encode(value)
	return []providers.Event{ev}
}

// put sets a member unless the value is empty.
func put(m map[string]any, key, value string) {
	if value != "" {
		m[key] = value
	}
}

// contact reads a user from the places where v2 names one. All of them may be empty. It is not
// documented what v2 sends for a user whose phone is hidden, so a user id is accepted in any of
// them.
func contact(userID text, phones ...text) providers.Contact {
	c := providers.Contact{UserID: userID.String()}
	if len(c.UserID) > cloudapi.MaxIdentity {
		c.UserID = "" // no user id is that long
	}
	for _, p := range phones {
		s := strings.TrimPrefix(p.String(), "+")
		switch {
		case s == "":
		case isPhone(s) && c.Phone == "":
			c.Phone = s
		case isUserID(s) && c.UserID == "":
			c.UserID = s
		}
	}
	return c
}

// isPhone reports whether s is 5 to 20 digits.
func isPhone(s string) bool {
	return len(s) >= 5 && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}

// isUserID reports whether s has the form of a business-scoped user id.
func isUserID(s string) bool {
	return len(s) > 3 && len(s) <= cloudapi.MaxIdentity && s[2] == '.' && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}
