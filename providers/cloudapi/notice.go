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

// preferences decodes what users chose about marketing messages.
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

// PreferenceOf reads a user preference; nil for a category or value nobody has
// told us about.
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

// PreferenceEventID is the id of a preference event, the same in every format a
// provider reports in.
func PreferenceEventID(category, value string, at time.Time) string {
	return "preference:" + category + ":" + strings.ToLower(value) + ":" + strconv.FormatInt(at.Unix(), 10)
}

// errors decodes account, app and system problems that concern no message.
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

// notice keeps a change that is one item: about a template, about the account,
// or about something nobody has told us of.
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

// template reads which template changed, and how; nil if none is named.
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
		// In the advance notice too, new_category is the one that holds now.
		t.Category = strings.ToUpper(v.text("new_category"))
	}
	return t
}

// TemplateStatus turns the event of a status update into the status the listing
// would show: some events only say that a template is approved again, and a
// flagged one can still be sent (empty).
func TemplateStatus(event string) string {
	switch event = strings.ToUpper(event); event {
	case "REINSTATED", "UNARCHIVED", "UNPAUSED":
		return "APPROVED"
	case "FLAGGED":
		return ""
	}
	return event
}

// derivedID names an item that has no id of its own by what it says. White
// space does not count.
func derivedID(c *change, raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		b.Reset()
		b.Write(raw)
	}
	return c.field + ":" + digest(c.account, c.number, c.field, string(c.time), b.String())
}

// digest is a short stable hash of its parts.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
