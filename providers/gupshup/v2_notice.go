package gupshup

import (
	"encoding/json"
	"strconv"
	"strings"

	"wagate/providers"
	"wagate/providers/cloudapi"
)

// userEvent translates the notices of Gupshup's opt-in service, and the check that is sent when a
// callback URL is saved. An opt-out at that service is an opt-out here. An opt-in is bookkeeping:
// the service also opts users in by itself, so an opt-in must not undo a stop that the person
// wrote.
func (e v2Event) userEvent() ([]providers.Event, bool) {
	var u struct {
		Phone  text `json:"phone"`
		UserID text `json:"userId"`
		Type   text `json:"type"`
	}
	if !read(e.Payload, &u) {
		return nil, false
	}
	switch {
	case u.Phone == "callbackSetPhone" || u.Type == "sandbox-start":
		return e.notice(providers.KindPlatform), true
	case u.Type != "opted-out":
		return e.notice(providers.KindAccount), true
	}
	c := contact(u.UserID, u.Phone)
	if c.IsZero() {
		return nil, false
	}
	return e.preference(c, v2Preference{
		Category: "marketing_messages", Value: "stop", Timestamp: e.Timestamp,
		Detail: "The user opted out at Gupshup",
	}), true
}

// v2Preference is one choice in a preference event.
type v2Preference struct {
	WaID      text `json:"wa_id"`
	UserID    text `json:"userid"` // in any case; v3 calls it user_id
	UserID3   text `json:"user_id"`
	Parent    text `json:"parent_user_id"`
	Detail    text `json:"detail"`
	Category  text `json:"category"`
	Value     text `json:"value"`
	Timestamp text `json:"timestamp"`
}

// preferenceEvent translates a user's choices about marketing messages.
func (e v2Event) preferenceEvent() (events []providers.Event, skipped int) {
	type list struct {
		Preferences []json.RawMessage `json:"user_preferences"`
	}
	var p struct {
		list
		Payload list `json:"payload"`
	}
	if !read(e.Payload, &p) {
		return nil, 1
	}
	all := append(p.Payload.Preferences, p.Preferences...)
	if len(all) == 0 {
		return nil, 1
	}
	for i, raw := range all {
		if i == cloudapi.MaxItems {
			skipped += len(all) - i
			break
		}
		var item v2Preference
		if !read(raw, &item) {
			skipped++
			continue
		}
		c := contact(first(item.UserID, item.UserID3), item.WaID)
		if c.IsZero() {
			skipped++
			continue
		}
		events = append(events, e.preference(c, item)...)
	}
	return events, skipped
}

// preference returns one choice in the shape of Meta's user_preferences. An unknown choice is
// relayed and has no other effect.
func (e v2Event) preference(c providers.Contact, p v2Preference) []providers.Event {
	category, value := p.Category.String(), p.Value.String()
	ev := e.event(providers.KindUnknown)
	if ev.Preference = cloudapi.PreferenceOf(category, value); ev.Preference != nil {
		ev.Kind = providers.KindPreference
	}
	if ts := p.Timestamp.time(); !ts.IsZero() {
		ev.At = ts
	}
	ev.Contact = c
	ev.ID = cloudapi.PreferenceEventID(category, value, ev.At)
	if ev.At.IsZero() {
		ev.ID = e.hashOf(c.Phone, c.UserID, category, value) // not a hash of the whole payload for each choice in it
	}
	item := map[string]any{}
	put(item, "category", category)
	put(item, "value", value)
	put(item, "wa_id", c.Phone)
	put(item, "user_id", c.UserID)
	put(item, "parent_user_id", p.Parent.String())
	put(item, "detail", p.Detail.String())
	if !ev.At.IsZero() {
		// A number here, unlike in messages and statuses.
		item["timestamp"] = json.RawMessage(strconv.FormatInt(ev.At.Unix(), 10))
	}
	return e.relay(ev, c, "user_preferences", "user_preferences", item)
}

// templateEvent translates a change of a template.
func (e v2Event) templateEvent() ([]providers.Event, bool) {
	var t struct {
		ID              text `json:"id"`
		Type            text `json:"type"`
		Status          text `json:"status"`
		Name            text `json:"elementName"`
		Language        text `json:"languageCode"`
		Reason          text `json:"rejectedReason"`
		Description     text `json:"description"`
		Category        text `json:"category"`
		NewCategory     text `json:"newCategory"`
		OldCategory     text `json:"oldCategory"`
		CorrectCategory text `json:"correctCategory"`
	}
	if !read(e.Payload, &t) {
		return nil, false
	}
	change := providers.TemplateChange{
		Name:     t.Name.String(),
		Language: providers.NormalLanguage(t.Language.String()),
		Status:   cloudapi.TemplateStatus(t.Status.String()),
		Category: strings.ToUpper(first(t.NewCategory, t.Category).String()),
	}
	value := map[string]any{}
	put(value, "message_template_name", change.Name)
	put(value, "message_template_language", change.Language)
	// Meta's template id is a number, and typed bots read it as one. Gupshup's id is not a number,
	// so it gets a member of its own.
	put(value, "gupshup_template_id", t.ID.String())

	ev := e.event(providers.KindTemplate)
	ev.ID = e.hash()
	if strings.HasPrefix(t.Type.String(), "category") || t.Status.String() == "" {
		change.Status = ""
		ev.Field = "template_category_update"
		put(value, "previous_category", strings.ToUpper(t.OldCategory.String()))
		put(value, "new_category", change.Category)
		put(value, "correct_category", strings.ToUpper(t.CorrectCategory.String()))
	} else {
		ev.Field = "message_template_status_update"
		put(value, "event", strings.ToUpper(t.Status.String()))
		put(value, "message_template_category", change.Category)
		put(value, "reason", t.Reason.String())
		if d := t.Description.String(); d != "" {
			value["other_info"] = map[string]string{"description": d}
		}
	}
	if change.Name != "" {
		ev.Template = &change
	}
	ev.Value = encode(value)
	ev.ID = templateEventID(ev)
	return []providers.Event{ev}, true
}

// templateEventID returns an id for a change of a template that is the same for both versions of
// the callback. It is derived from the content and the minute, because each version is created
// separately and has a time of its own. If the two times are in different minutes, they are two
// events. A template does not change to the same value twice within a minute.
func templateEventID(e providers.Event) string {
	t := e.Template
	if t == nil || e.At.IsZero() {
		return e.ID
	}
	said := t.Status
	switch e.Field {
	case "template_category_update":
		said = t.Category
	case "message_template_quality_update":
		said = t.Quality
	}
	if said == "" {
		return e.ID
	}
	minute := strconv.FormatInt(e.At.Unix()/60, 10)
	return "template:" + v2Event{}.hashOf(e.Field, t.Name, t.Language, said, minute)
}

// billingEventID returns an id for the price of a message that is the same for both versions. It is
// derived from the message and the decision. If the event names no message, the result is id.
func billingEventID(value json.RawMessage, id string) string {
	type billing struct {
		Deductions struct {
			Model    text `json:"model"`
			Category text `json:"category"`
			Billable text `json:"billable"`
		} `json:"deductions"`
		References struct {
			ID        text `json:"id"`
			GSID      text `json:"gsId"`
			GSIDSnake text `json:"gs_id"`
		} `json:"references"`
	}
	var b struct {
		billing

		V3 billing `json:"billing"`
	}
	read(value, &b)
	for _, said := range []billing{b.billing, b.V3} {
		of, d := said.References, said.Deductions
		if message := first(of.GSID, of.GSIDSnake, of.ID).String(); message != "" {
			return "billing:" + v2Event{}.hashOf(message, d.Model.String(), d.Category.String(), d.Billable.String())
		}
	}
	return id
}
