package cloudapi

import (
	"strings"

	"wagate/providers"
)

// calls decodes notices about voice calls. A call counts once: when the user makes it, answered or
// not, or when the user accepts one of ours. Later notices, that it rang or ended, add nothing.
func (d *decoder) calls(c *change) {
	for o := range d.items(c.value.get("calls")) {
		who, byUser := caller(c, o)
		kind := providers.KindCallOther
		if byUser && strings.EqualFold(o.text("event"), "connect") {
			kind = providers.KindCall
		}
		d.call(c, "calls", "event", o, who, kind)
	}
	for o := range d.items(c.value.get("statuses")) {
		who := providers.Contact{Phone: digits(o.id("recipient_id")), UserID: o.text("recipient_user_id")}
		kind := providers.KindCallOther
		if strings.EqualFold(o.text("status"), "accepted") {
			kind = providers.KindCall
		}
		d.call(c, "statuses", "status", o, who, kind)
	}
}

// caller returns the user of a call, and whether the user made the call.
func caller(c *change, o value) (providers.Contact, bool) {
	from := providers.Contact{Phone: digits(o.id("from")), UserID: o.text("from_user_id")}
	to := providers.Contact{Phone: digits(o.id("to")), UserID: o.text("to_user_id")}
	switch strings.ToUpper(o.text("direction")) {
	case "USER_INITIATED":
		return from, true
	case "BUSINESS_INITIATED":
		return to, false
	}
	if c.display != "" && from.Phone == c.display {
		return to, false
	}
	return from, true
}

// call adds the event for one notice. word is the member that says what happened.
func (d *decoder) call(
	c *change, list, word string, o value, who providers.Contact, kind providers.Kind,
) {
	id, happened := o.id("id"), strings.ToLower(o.text(word))
	if id == "" || happened == "" {
		d.skip()
		return
	}
	who, entry := c.contact(who)
	d.add(c, providers.Event{
		Kind:    kind,
		ID:      "call:" + id + ":" + happened,
		Contact: who,
		At:      providers.Instant(o.id("timestamp")),
		Value:   c.narrow(list, o.raw(), entry),
	})
}
