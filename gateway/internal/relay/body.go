package relay

import (
	"encoding/json"
	"errors"

	"wagate/followup"
)

// errValue says that an event's value is no JSON; trying again cannot help.
var errValue = errors.New("relay: malformed event")

// render returns the webhook body of a delivery: Meta's envelope around its
// events. account stands in for events that name none (follow-up happenings).
// The same events always give the same bytes.
func render(events []followup.RelayEvent, account string) ([]byte, error) {
	size := 128
	for _, e := range events {
		if !json.Valid(e.Value) {
			return nil, errValue
		}
		size += len(e.Value) + len(e.Field) + 64
	}
	b := make([]byte, 0, size+size/4)
	b = append(b, `{"object":"whatsapp_business_account","entry":[`...)
	open := ""
	for i, e := range events {
		of := e.Account
		if of == "" {
			of = account
		}
		switch {
		case i == 0:
			b = appendEntry(b, of)
		case of != open:
			b = append(b, `]},`...)
			b = appendEntry(b, of)
		default:
			b = append(b, ',')
		}
		open = of
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

func appendEntry(b []byte, account string) []byte {
	b = append(b, `{"id":`...)
	b = appendText(b, account)
	return append(b, `,"changes":[`...)
}

func appendText(b []byte, s string) []byte {
	raw, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // cannot happen: a string always marshals
	}
	return appendCanonical(b, raw)
}
