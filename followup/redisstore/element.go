package redisstore

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"wagate/followup"
)

// An element of a relay queue is {"t":<real ms>,"e":<event>}. lua/lib/relay.lua writes the same
// form.

// elementText returns the element of an event that is queued at an instant; nil for a nil event.
// Parts that came as JSON, which are by far the largest, are copied unchanged.
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

// entry is a followup.Entry in its stored form.
type entry struct {
	From followup.Speaker `json:"f"`
	Text string           `json:"t"`
	At   int64            `json:"a"`
}

// entryText returns a history entry in its stored form; nil for a nil entry.
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

// appendText appends a text as a JSON string. A text that needs no escaping, the usual case, is
// copied.
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

// element parses an element. An element that cannot be read, or holds no event, becomes an event
// whose Unreadable is the element's text.
func element(text string) (at int64, e followup.RelayEvent) {
	ok := valid(text)
	read := func(v gjson.Result, into any) { ok = ok && json.Unmarshal([]byte(v.Raw), into) == nil }
	gjson.Parse(text).ForEach(func(name, v gjson.Result) bool {
		switch name.Str {
		case "t":
			read(v, &at)
		case "e":
			v.ForEach(func(name, v gjson.Result) bool {
				switch name.Str {
				case "c":
					read(v, &e.Channel)
				case "r":
					read(v, &e.Raw)
				case "a":
					read(v, &e.Account)
				case "n":
					e.Entry = []byte(v.Raw)
				case "f":
					read(v, &e.Field)
				case "v":
					e.Value = []byte(v.Raw)
				case "u":
					read(v, &e.Unreadable)
				}
				return ok
			})
		}
		return ok
	})
	if !ok || e.Value == nil && e.Raw == nil && e.Unreadable == nil {
		return queuedAt(text), followup.RelayEvent{Unreadable: []byte(text)}
	}
	return at, e
}

// manyBrackets is the number of brackets beyond which a text might nest more deeply than
// encoding/json reads.
const manyBrackets = 10_000

// valid reports whether a text is JSON that other decoders can read, too. The quicker validator
// recurses for each open bracket, so a text with many brackets is left to encoding/json.
func valid(text string) bool {
	if strings.Count(text, "{")+strings.Count(text, "[") > manyBrackets {
		return json.Valid([]byte(text))
	}
	return gjson.Valid(text)
}
