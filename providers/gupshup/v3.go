package gupshup

import (
	"encoding/json"
	"fmt"
	"slices"

	"wagate/providers"
	"wagate/providers/cloudapi"
)

// v3Options returns Gupshup's additions to Meta's envelope.
func v3Options() cloudapi.Options {
	return cloudapi.Options{
		AccountKey: "gs_app_id",
		StatusIDs:  v3StatusIDs,
		QuotedID:   func(member func(string) string) string { return first(member("gs_id"), member("gsId"), member("id")) },
		Classify:   classify,
		Fields: map[string]providers.Kind{
			billingField:       providers.KindAccount,
			"account-event":    providers.KindAccount,
			"system-event":     providers.KindAccount,
			"template-event":   providers.KindUnknown,
			"platform-event":   providers.KindPlatform,
			"user-event":       providers.KindPlatform,
			"preference-event": providers.KindUnknown,
		},
		// Documented for version 2 only. Version 3 documents Meta's field, but may also use this
		// one.
		SameAs:    map[string]string{"preference-event": "user_preferences"},
		MetaShape: true,
	}
}

// decodeV3 decodes Meta's envelope with Gupshup's additions.
func decodeV3(body []byte, s shape, opt Options) (Inbound, error) {
	batch, err := cloudapi.Decode(body, v3Options())
	if err != nil {
		return Inbound{}, fmt.Errorf("decode v3 callback: %w", ErrShape)
	}
	in := Inbound{Version: V3, AppID: s.GSAppID.String(), Events: batch.Events, Skipped: batch.Skipped}
	for i := range in.Events {
		e := &in.Events[i]
		if e.Field == "template-event" {
			templateNotice(e)
		}
		switch {
		case e.Kind == providers.KindTemplate:
			e.ID = templateEventID(*e)
		case e.Field == billingField:
			e.ID = billingEventID(e.Value, e.ID)
		}
		complete(e, opt)
		if e.Status != nil && e.Status.State == providers.StatusAccepted {
			e.Field = ownReports // another unknown state may be one of Meta's
		}
	}
	return in, nil
}

// templateNotice reads a template change in Gupshup's own words, as in version 2, inside an
// envelope of version 3, for which Meta's field is documented. If it names no template, the event
// stays as it is.
func templateNotice(e *providers.Event) {
	var in struct {
		Payload json.RawMessage `json:"payload"`
	}
	read(e.Value, &in)
	for _, payload := range []json.RawMessage{e.Value, in.Payload} {
		list, ok := v2Event{shape: shape{Payload: payload}}.templateEvent()
		if ok && list[0].Template != nil {
			e.Kind, e.Template, e.Field, e.Value = list[0].Kind, list[0].Template, list[0].Field, list[0].Value
			return
		}
	}
}

// NewNarrower returns a Narrower, which reduces a version 3 callback to some of the events that
// Decode finds in it. A version 2 callback has no items.
func NewNarrower(body []byte) (*cloudapi.Narrower, error) {
	return cloudapi.NewNarrower(body, v3Options())
}

// v3StatusIDs picks the id that our send call returned, among the three that a status may have. id
// is a WhatsApp id in older samples and a UUID of Gupshup's in newer ones, so gs_id comes first.
func v3StatusIDs(member func(string) string) (string, []string) {
	ids := []string{member("gs_id"), member("id"), member("meta_msg_id")}
	key := first(ids...)
	var others []string
	for _, id := range ids {
		if id == "" || id == key {
			continue
		}
		if len(others) == 0 || others[0] != id {
			others = append(others, id)
		}
	}
	return key, others
}

// complete changes a relayed value where Gupshup differs from what Cloud API bots expect. As in v2
// events, metadata names the channel by the id under which the assistant sends on it; that includes
// enqueued reports, which come without metadata. A failure is listed in errors with all the members
// of Meta's errors, even if it came beside the status.
func complete(e *providers.Event, opt Options) {
	var v map[string]json.RawMessage
	if !isObject(e.Value) || json.Unmarshal(e.Value, &v) != nil {
		return
	}
	changed := false
	if meta := v["metadata"]; opt.PhoneNumberID != "" && (e.Field == "messages" || isObject(meta)) {
		m := map[string]json.RawMessage{"display_phone_number": encode(opt.DisplayPhone)}
		read(meta, &m)
		m["phone_number_id"] = encode(opt.PhoneNumberID)
		v["metadata"], changed = encode(m), true
	}
	if e.Status != nil && e.Status.Err != nil {
		var list []map[string]json.RawMessage
		if json.Unmarshal(v["statuses"], &list) == nil && len(list) == 1 {
			list[0]["errors"] = errorsOf(list[0], e.Status.Err.Code)
			v["statuses"], changed = encode(list), true
		}
	}
	if changed {
		e.Value = encode(v)
	}
}

// errorsOf returns the errors of a failed status in Meta's form. Gupshup's errors have only a
// title, or are missing, with code and reason in the status itself.
func errorsOf(status map[string]json.RawMessage, code int) json.RawMessage {
	var list []map[string]json.RawMessage
	if json.Unmarshal(status["errors"], &list) != nil || len(list) == 0 || slices.ContainsFunc(list, isNone) {
		var reason text
		_ = json.Unmarshal(status["reason"], &reason)
		return encode([]any{errorValue(code, reason.String())})
	}
	for _, said := range list {
		var title, message, code text
		_ = json.Unmarshal(said["code"], &code)
		_ = json.Unmarshal(said["title"], &title)
		_ = json.Unmarshal(said["message"], &message)
		words := first(message, title).String()
		for name, value := range errorValue(code.int(), words) {
			if _, there := said[name]; !there || name == "code" {
				said[name] = encode(value)
			}
		}
	}
	return encode(list)
}

func isNone(o map[string]json.RawMessage) bool { return o == nil }
