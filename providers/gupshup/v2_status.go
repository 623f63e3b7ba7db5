package gupshup

import (
	"encoding/json"
	"maps"
	"slices"

	"wagate/providers"
	"wagate/providers/cloudapi"
)

// v2Report is the payload of a message-event.
type v2Report struct {
	ID           text            `json:"id"`
	GSID         text            `json:"gsId"`
	GSIDSnake    text            `json:"gs_id"`
	Type         text            `json:"type"`
	Destination  text            `json:"destination"`
	UserID       text            `json:"userId"`
	Payload      v2ReportInner   `json:"payload"`
	Conversation json.RawMessage `json:"conversation"`
	Pricing      json.RawMessage `json:"pricing"`
}

// v2ReportInner is the union of the inner payloads of message-events. Samples have conversation and
// pricing either beside the payload or inside it.
type v2ReportInner struct {
	TS           text            `json:"ts"`
	Code         text            `json:"code"`
	Reason       text            `json:"reason"`
	WhatsappID   text            `json:"whatsappMessageId"`
	WaID         text            `json:"wa_id"`
	Phone        text            `json:"phone"`
	Conversation json.RawMessage `json:"conversation"`
	Pricing      json.RawMessage `json:"pricing"`
}

// messageEvent translates a delivery report. The id that our send call returned is gsId if present,
// else id. The other id, and the WhatsApp id that only enqueued tells, are kept in OtherIDs, so
// that a later report without gsId (it is missing after a week) can still be matched.
func (e v2Event) messageEvent() ([]providers.Event, bool) {
	var r v2Report
	if !read(e.Payload, &r) {
		return nil, false
	}
	key := first(r.GSID, r.GSIDSnake, r.ID).String()
	if key == "" || r.Type.String() == "" {
		return nil, false
	}
	if r.Type == "deleted" {
		return e.revoke(r)
	}
	c := contact(r.UserID, r.Destination, r.Payload.Phone)
	st := &providers.Status{MessageID: key, State: cloudapi.State(r.Type.String())}
	for _, id := range []string{r.ID.String(), r.Payload.WhatsappID.String()} {
		if id != "" && id != key && !slices.Contains(st.OtherIDs, id) {
			st.OtherIDs = append(st.OtherIDs, id)
		}
	}
	ev := e.event(providers.KindStatus)
	ev.Contact, ev.Status = c, st
	ev.ID = cloudapi.StatusEventID(key, r.Type.String())
	if ts := r.Payload.TS.time(); !ts.IsZero() {
		ev.At = ts
	}

	item := map[string]any{"id": key, "status": r.Type.String()}
	put(item, "gs_id", r.gupshupID())
	put(item, "timestamp", unix(ev.At))
	put(item, "recipient_id", c.Phone)
	put(item, "recipient_user_id", c.UserID)
	if wamid := r.wamid(key); wamid != "" {
		item["meta_msg_id"] = wamid
	}
	if v := firstObject(r.Conversation, r.Payload.Conversation); v != nil {
		item["conversation"] = conversationValue(v)
	}
	if v := firstObject(r.Pricing, r.Payload.Pricing); v != nil {
		item["pricing"] = rename(v, pricingName)
	}
	if st.State == providers.StatusFailed {
		st.Err = failure(r.Payload.Code.int(), r.Payload.Reason.String())
		item["errors"] = []any{errorValue(r.Payload.Code.int(), r.Payload.Reason.String())}
	}
	if wa := r.Payload.WaID.String(); r.Type == "mismatch" && isPhone(wa) {
		// WhatsApp knows the user behind the dialled number by another number.
		c.Phone = wa
	}
	return e.relay(ev, c, reportField(st.State), "statuses", item), true
}

// ownReports is Gupshup's name for reports. Reports of a state that WhatsApp does not have are
// relayed under it: a Cloud API bot may know only Meta's states.
const ownReports = "message-event"

// reportField returns the field under which a report of this state is relayed.
func reportField(s providers.StatusState) string {
	if s == providers.StatusAccepted || s == providers.StatusOther {
		return ownReports
	}
	return "messages"
}

// gupshupID returns Gupshup's id of the message if the report tells it for certain. An id without
// gsId is Gupshup's in an enqueued report. In any other it may be WhatsApp's.
func (r v2Report) gupshupID() string {
	if id := first(r.GSID, r.GSIDSnake).String(); id != "" || r.Type != "enqueued" {
		return id
	}
	return r.ID.String()
}

// wamid returns the WhatsApp id of the message if the report tells it.
func (r v2Report) wamid(key string) string {
	if r.Payload.WhatsappID.String() != "" {
		return r.Payload.WhatsappID.String()
	}
	if id := r.ID.String(); id != key {
		return id
	}
	return ""
}

// revoke translates the report that a user deleted a message of their own.
func (e v2Event) revoke(r v2Report) ([]providers.Event, bool) {
	c := contact(r.UserID, r.Destination)
	if c.IsZero() {
		return nil, false
	}
	ev := e.event(providers.KindRevoke)
	if ts := r.Payload.TS.time(); !ts.IsZero() {
		ev.At = ts
	}
	target := first(r.ID, r.GSID, r.GSIDSnake).String()
	ev.ID, ev.Contact, ev.Quoted = "revoke:"+target, c, target
	msg := map[string]any{
		"id": ev.ID, "type": "revoke",
		"revoke": map[string]string{"original_message_id": target},
	}
	put(msg, "from", c.Phone)
	put(msg, "from_user_id", c.UserID)
	put(msg, "timestamp", unix(ev.At))
	return e.relay(ev, c, "messages", "messages", msg), true
}

// errorValue returns a failure as the Cloud API lists it in errors[]. If the code is Gupshup's own,
// the result has Meta's equivalent as code and Gupshup's as gupshup_code.
func errorValue(code int, reason string) map[string]any {
	v := map[string]any{"code": metaCode(code)}
	if v["code"] != code {
		v["gupshup_code"] = code
	}
	put(v, "title", reason)
	put(v, "message", reason)
	if reason != "" {
		v["error_data"] = map[string]string{"details": reason}
	}
	return v
}

// conversationValue returns a conversation as the Cloud API has it in a status: its end as a string
// of seconds, its type in origin. Unknown members stay as they came.
func conversationValue(doc json.RawMessage) map[string]any {
	var members map[string]json.RawMessage
	read(doc, &members)
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(members)) { // sorted, so that the result is always the same
		v := members[name]
		switch name {
		case "expiresAt":
			var at text
			if json.Unmarshal(v, &at) == nil {
				put(out, "expiration_timestamp", unix(at.time()))
			}
		case "type":
			out["origin"] = map[string]json.RawMessage{"type": v}
		default:
			out[name] = v
		}
	}
	return out
}

// pricingName returns the Cloud API's name for a member of a price.
func pricingName(s string) string {
	if s == "policy" {
		return "pricing_model"
	}
	return s
}

// firstObject returns the first document that is an object, nil if there is none.
func firstObject(docs ...json.RawMessage) json.RawMessage {
	for _, d := range docs {
		if isObject(d) {
			return d
		}
	}
	return nil
}
