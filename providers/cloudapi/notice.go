package cloudapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"wagate/providers"
)

// preferences decodes users' choices about marketing messages.
func (d *decoder) preferences(c *change) {
	for o := range d.items(c.value.get("user_preferences")) {
		if !o.opens('{') {
			d.skip()
			continue
		}
		who, entry := c.contact(providers.Contact{Phone: digits(o.id("wa_id")), UserID: o.text("user_id")})
		if who.IsZero() {
			d.skip()
			continue
		}
		e := providers.Event{
			Kind:    providers.KindUnknown,
			Contact: who,
			At:      providers.Instant(o.id("timestamp")),
			Value:   c.narrow("user_preferences", o.raw(), entry),
		}
		category, value := o.text("category"), strings.ToLower(o.text("value"))
		if p := PreferenceOf(category, value); p != nil {
			e.Kind, e.Preference = providers.KindPreference, p
		}
		e.ID = derivedID(c, o.raw())
		if !e.At.IsZero() {
			e.ID = PreferenceEventID(category, value, e.At)
		}
		d.add(c, e)
	}
}

// PreferenceOf returns the preference for a category and value, nil if either is unknown.
func PreferenceOf(category, value string) *providers.Preference {
	if category != "" && category != "marketing_messages" {
		return nil
	}
	switch strings.ToLower(value) {
	case "stop":
		return &providers.Preference{Stop: true}
	case "resume":
		return &providers.Preference{}
	}
	return nil
}

// PreferenceEventID returns the id of a preference event. It is the same in every format that a
// provider reports in.
func PreferenceEventID(category, value string, at time.Time) string {
	return "preference:" + category + ":" + strings.ToLower(value) + ":" + strconv.FormatInt(at.Unix(), 10)
}

// errors decodes problems of the account, the app or the system that belong to no message.
func (d *decoder) errors(c *change) {
	for o := range d.items(c.value.get("errors")) {
		if !o.opens('{') {
			d.skip()
			continue
		}
		d.add(c, providers.Event{
			Kind: providers.KindAccount, ID: derivedID(c, o.raw()), Value: c.narrow("errors", o.raw(), nil),
		})
	}
}

// notice adds a change that is one item: about a template, about the account, or about something
// unknown.
func (d *decoder) notice(c *change, kind providers.Kind) {
	e := providers.Event{
		Kind:  kind,
		ID:    derivedID(c, c.value.raw()),
		At:    providers.Instant(scalar(c.time)),
		Value: c.whole(),
	}
	if kind == providers.KindTemplate {
		e.Template = template(c)
	}
	d.add(c, e)
}

// template returns which template changed, and how; nil if the change names none.
func template(c *change) *providers.TemplateChange {
	v := c.value
	t := &providers.TemplateChange{
		Name:     v.text("message_template_name"),
		Language: providers.NormalLanguage(v.text("message_template_language")),
	}
	if t.Name == "" {
		return nil
	}
	switch c.field {
	case "message_template_status_update":
		t.Status = TemplateStatus(v.text("event"))
		t.Category = strings.ToUpper(v.text("message_template_category"))
	case "message_template_quality_update":
		t.Quality = strings.ToUpper(v.text("new_quality_score"))
	case "template_category_update":
		// new_category is the current category even in the advance notice.
		t.Category = strings.ToUpper(v.text("new_category"))
	}
	return t
}

// TemplateStatus returns the status that the template listing shows after a status update with this
// event. Some events mean that a template is approved again. A flagged template can still be sent,
// so the result for FLAGGED is empty.
func TemplateStatus(event string) string {
	switch event = strings.ToUpper(event); event {
	case "REINSTATED", "UNARCHIVED", "UNPAUSED":
		return "APPROVED"
	case "FLAGGED":
		return ""
	}
	return event
}

// derivedID returns an id for an item without one, derived from its content. White space does not
// matter.
func derivedID(c *change, raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		b.Reset()
		b.Write(raw)
	}
	return c.field + ":" + digest(c.account, c.number, c.field, string(c.time), b.String())
}

// digest returns a short stable hash of its parts.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
