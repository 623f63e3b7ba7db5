package cloudapi

import (
	"cmp"
	"encoding/json"
	"strings"

	"wagate/providers"
)

// statuses decodes receipts about messages of ours.
func (d *decoder) statuses(c *change) {
	for o := range d.items(c.value.get("statuses")) {
		word := strings.ToLower(o.text("status"))
		if word == "" {
			d.skip()
			continue
		}
		id, others := d.StatusIDs(o.id)
		if id == "" {
			d.skip()
			continue
		}
		s := &providers.Status{
			MessageID: id,
			OtherIDs:  others,
			State:     State(word),
			Opaque:    o.text("biz_opaque_callback_data"),
		}
		if s.State == providers.StatusFailed {
			s.Err = d.failure(o)
		}
		e := providers.Event{
			Kind:   providers.KindStatus,
			ID:     StatusEventID(id, word),
			At:     providers.Instant(o.id("timestamp")),
			Status: s,
		}
		var entry json.RawMessage
		if o.text("recipient_type") == "group" {
			e.Group = o.id("recipient_id")
			// Each participant of a group has states of their own.
			if p := o.text("recipient_participant_user_id") + o.id("recipient_participant_id"); p != "" {
				e.ID += ":" + digest(p)
			}
		} else {
			e.Contact, entry = c.contact(providers.Contact{
				Phone:  digits(o.id("recipient_id")),
				UserID: o.text("recipient_user_id"),
			})
		}
		raw := o.raw()
		if d.MetaShape {
			raw = shapeTime(o, e.At)
			if o.id("id") != id {
				raw = with(raw, "id", quote(id))
			}
		}
		e.Value = c.narrow("statuses", raw, entry)
		d.add(c, e)
	}
}

// State returns the state for a provider's word. Gupshup's enqueued is our accepted.
func State(word string) providers.StatusState {
	switch s := providers.StatusState(strings.ToLower(word)); s {
	case "enqueued":
		return providers.StatusAccepted
	case providers.StatusAccepted, providers.StatusSent, providers.StatusDelivered,
		providers.StatusRead, providers.StatusPlayed, providers.StatusFailed:
		return s
	}
	return providers.StatusOther
}

// StatusEventID returns the id of a status event. id is the id that the sender was given, word is
// the provider's word for the state. The result is the same in every format that a provider reports
// in.
func StatusEventID(id, word string) string {
	state := State(word)
	if state == providers.StatusOther {
		state = providers.StatusState(strings.ToLower(word))
	}
	return "status:" + id + ":" + string(state)
}

// failure returns why a message failed: the first error with a code, else the first error. A failed
// status is final, so the result is neither retryable nor of unknown result, whatever the code
// means in an answer.
func (d *decoder) failure(o value) *providers.Error {
	var cause value
	for e := range o.get("errors").elements() {
		coded := e.number("code") != 0
		if coded || !cause.exists() && e.opens('{') {
			cause = e
		}
		if coded {
			break
		}
	}
	if !cause.exists() {
		cause = o // Gupshup puts code and reason into the status itself
	}
	e := d.Classify(cause.number("code"), 0)
	e.MaybeSent, e.Retryable = false, false
	e.Detail = Detail(cmp.Or(cause.get("error_data").text("details"),
		cause.text("message"), cause.text("title"), cause.text("reason")))
	return &e
}
