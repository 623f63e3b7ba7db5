package redisstore

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"wagate/followup"
)

// An element of a relay queue is {"t":<real ms>,"e":<event>}; lua/lib/relay.lua
// writes the same.

// elementText returns the element of an event that is queued at an instant; none
// for none. What came as JSON, by far most of it, is taken as it is.
func elementText(e *followup.RelayEvent, at time.Time) []byte {
	if e == nil {
		return nil
	}
	b := make([]byte, 0, len(e.Value)+len(e.Entry)+len(e.Account)+160)
	b = append(b, `{"t":`...)
	b = strconv.AppendInt(b, ms(at), 10)
	b = append(b, `,"e":{"c":`...)
	b = appendText(b, string(e.Channel))
	if e.Raw != nil {
		b = append(b, `,"r":`...)
		b = append(b, marshal(e.Raw)...)
	}
	if e.Account != "" {
		b = append(b, `,"a":`...)
		b = appendText(b, e.Account)
	}
	if len(e.Entry) > 0 {
		b = append(b, `,"n":`...)
		b = append(b, e.Entry...)
	}
	b = append(b, `,"f":`...)
	b = appendText(b, e.Field)
	if len(e.Value) > 0 {
		b = append(b, `,"v":`...)
		b = append(b, e.Value...)
	}
	return append(b, `}}`...)
}

// entry is a followup.Entry as it is stored.
type entry struct {
	From followup.Speaker `json:"f"`
	Text string           `json:"t"`
	At   int64            `json:"a"`
}

// entryText returns a history entry as it is stored; none for none.
func entryText(e *followup.Entry) []byte {
	if e == nil {
		return nil
	}
	b := make([]byte, 0, len(e.Text)+len(e.Text)/4+48)
	b = append(b, `{"f":`...)
	b = appendText(b, string(e.From))
	b = append(b, `,"t":`...)
	b = appendText(b, e.Text)
	b = append(b, `,"a":`...)
	b = strconv.AppendInt(b, ms(e.At), 10)
	return append(b, '}')
}

// appendText appends a text as JSON. One that has nothing to escape, as most, is copied.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '"' || s[i] == '\\' {
			return gjson.AppendJSONString(b, s)
		}
	}
	if !utf8.ValidString(s) {
		return gjson.AppendJSONString(b, s)
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// element reads an element. One that cannot be read, or says nothing, is an event that is
// Unreadable.
func element(text string) (int64, followup.RelayEvent) {
	var e struct {
		At    int64               `json:"t"`
		Event followup.RelayEvent `json:"e"`
	}
	err := json.Unmarshal([]byte(text), &e)
	if err != nil || e.Event.Value == nil && e.Event.Raw == nil && e.Event.Unreadable == nil {
		return queuedAt(text), followup.RelayEvent{Unreadable: []byte(text)}
	}
	return e.At, e.Event
}
