package relay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"

	"wagate/followup"
)

// errValue says that an event's value is no JSON; trying again cannot help.
var errValue = errors.New("relay: malformed event")

// render returns the body of a delivery: a webhook as it came, else Meta's
// envelope around its events. account stands in for events that name none
// (follow-up happenings). The same events always give the same bytes.
func render(events []followup.RelayEvent, account string) ([]byte, error) {
	if raw := rawOf(events); raw != nil {
		return raw.Body, nil
	}
	size := 128
	for _, e := range events {
		if !json.Valid(e.Value) {
			return nil, errValue
		}
		size += len(e.Value) + len(e.Entry) + len(e.Field) + 64
	}
	b := make([]byte, 0, size+size/4)
	b = append(b, `{"object":"whatsapp_business_account","entry":[`...)
	var open []byte // how the entry begins that the last event stands in
	for i, e := range events {
		begin, err := entry(cmp.Or(e.Account, account), e.Entry)
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
		b = appendCanonical(b, e.Value)
		b = append(b, '}')
	}
	if len(events) > 0 {
		b = append(b, `]}`...)
	}
	return append(b, `]}`...), nil
}

// entry returns how an entry begins, up to its changes: its id, and what else it
// says, which is an object or nothing.
func entry(account string, rest json.RawMessage) ([]byte, error) {
	b := appendText([]byte(`{"id":`), account)
	if len(rest) > 0 {
		if !json.Valid(rest) {
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
