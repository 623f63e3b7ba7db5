package relay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"

	"github.com/tidwall/gjson"

	"wagate/followup"
	"wagate/providers"
)

// errValue reports that an event is not valid JSON. Trying again cannot help.
var errValue = errors.New("relay: malformed event")

// render returns the body of a delivery: a webhook as it came, or else Meta's envelope around the
// events. of is the channel that the events are on. Its account is used for events that name none
// (follow-up happenings). The same events always give the same bytes.
func render(events []followup.RelayEvent, of followup.Channel) ([]byte, error) {
	if raw := rawOf(events); raw != nil {
		return raw.Body, nil
	}
	size := 128
	for _, e := range events {
		if !gjson.ValidBytes(e.Value) {
			return nil, errValue
		}
		size += len(e.Value) + len(e.Entry) + len(e.Field) + 64
	}
	b := make([]byte, 0, size+size/4)
	b = append(b, `{"object":"whatsapp_business_account","entry":[`...)
	var open []byte // the beginning of the entry that the last event is in
	for i, e := range events {
		begin, err := entry(cmp.Or(e.Account, of.Account), e.Entry)
		switch {
		case err != nil:
			return nil, err
		case i == 0:
			b = append(b, begin...)
		case !bytes.Equal(begin, open):
			b = append(append(b, `]},`...), begin...)
		default:
			b = append(b, ',')
		}
		open = begin
		b = append(b, `{"field":`...)
		b = appendText(b, e.Field)
		b = append(b, `,"value":`...)
		b = appendValue(b, e, of)
		b = append(b, '}')
	}
	if len(events) > 0 {
		b = append(b, `]}`...)
	}
	return append(b, `]}`...), nil
}

// happeningField is the field of changes that tell what became of follow-ups.
const happeningField = "followup"

// appendValue appends an event's value. The value of a happening gets the members with which every
// value of Meta's about a number begins. Bots look at these before they know whether they care
// about the change, and a happening that is not answered well holds up all that its lead says.
func appendValue(b []byte, e followup.RelayEvent, of followup.Channel) []byte {
	start := len(b)
	b = appendCanonical(b, e.Value)
	if e.Field != happeningField {
		return b
	}
	members, object := bytes.CutPrefix(b[start:], []byte{'{'})
	if !object || members[0] == '}' {
		return b
	}
	// The id is the one that the assistant sends under. Meta's display number is not known here.
	id, display := string(of.ID), of.Number
	if of.Provider == providers.Meta {
		id, display = of.Number, ""
	}
	members = bytes.Clone(members)
	b = append(b[:start], `{"messaging_product":"whatsapp","metadata":{"display_phone_number":`...)
	b = appendText(b, display)
	b = append(b, `,"phone_number_id":`...)
	b = appendText(b, id)
	b = append(b, `},`...)
	return append(b, members...)
}

// entry returns the beginning of an entry, up to its changes: its id, and the members of rest,
// which is an object or empty.
func entry(account string, rest json.RawMessage) ([]byte, error) {
	b := appendText([]byte(`{"id":`), account)
	if len(rest) > 0 {
		if !gjson.ValidBytes(rest) {
			return nil, errValue
		}
		members, object := bytes.CutPrefix(appendCanonical(nil, rest), []byte{'{'})
		if !object {
			return nil, errValue
		}
		if members = bytes.TrimSuffix(members, []byte{'}'}); len(members) > 0 {
			b = append(append(b, ','), members...)
		}
	}
	return append(b, `,"changes":[`...), nil
}

func appendText(b []byte, s string) []byte {
	raw, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // cannot happen: a string always marshals
	}
	return appendCanonical(b, raw)
}
