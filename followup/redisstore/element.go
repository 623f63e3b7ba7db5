package redisstore

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"wagate/followup"
)

// An element of a relay queue is {"t":<real ms>,"e":<event>}; lua/lib/relay.lua
// writes the same.

// elementText returns the element of an event that is queued at an instant; none
// for none. The event's value, by far most of it, is taken as it is.
func elementText(e *followup.RelayEvent, at time.Time) ([]byte, error) {
	if e == nil {
		return nil, nil
	}
	short := *e
	short.Value = nil
	head, err := json.Marshal(short)
	if err != nil {
		return nil, fmt.Errorf("relay event: %w", err)
	}
	b := make([]byte, 0, len(head)+len(e.Value)+40)
	b = append(b, `{"t":`...)
	b = strconv.AppendInt(b, ms(at), 10)
	b = append(b, `,"e":`...)
	b = append(b, head[:len(head)-1]...)
	if len(e.Value) > 0 {
		b = append(b, `,"v":`...)
		b = append(b, e.Value...)
	}
	return append(b, `}}`...), nil
}

// element reads an element.
func element(text string) (int64, followup.RelayEvent, error) {
	var e struct {
		At    int64               `json:"t"`
		Event followup.RelayEvent `json:"e"`
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return 0, followup.RelayEvent{}, fmt.Errorf("queued event: %w", errReply)
	}
	return e.At, e.Event, nil
}
