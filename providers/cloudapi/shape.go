package cloudapi

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"wagate/providers"
)

// shapeMessage returns a message with the timestamp and the quoted id that Meta would have written.
func shapeMessage(o value, e providers.Event) json.RawMessage {
	raw := shapeTime(o, e.At)
	if context := o.get("context"); context.opens('{') && e.Quoted != "" && context.id("id") != e.Quoted {
		raw = with(raw, "context", with(context.raw(), "id", quote(e.Quoted)))
	}
	return raw
}

// shapeTime returns an item with its timestamp as a string of seconds.
func shapeTime(o value, at time.Time) json.RawMessage {
	if at.IsZero() {
		return o.raw()
	}
	want := strconv.FormatInt(at.Unix(), 10)
	if stamp := o.get("timestamp"); text(stamp.raw()) == want {
		return o.raw()
	}
	return with(o.raw(), "timestamp", quote(want))
}

// with returns the object raw with the named member set to value. An existing member is replaced in
// place, and duplicates of it are removed; a new member is added at the end. A nil value removes
// the member. All other members stay as they are. If raw is not an object, it is returned
// unchanged.
func with(raw json.RawMessage, name string, value json.RawMessage) json.RawMessage {
	o := read(raw)
	if !o.opens('{') {
		return raw
	}
	var b bytes.Buffer
	b.Grow(len(raw) + len(name) + len(value) + 4)
	write := func(key []byte, v json.RawMessage) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(v)
	}
	b.WriteByte('{')
	done := value == nil
	for key, m := range o.members() {
		switch {
		case !key.is(name):
			write(key.raw(), m.raw())
		case !done:
			write(key.raw(), value)
			done = true
		}
	}
	if !done {
		write(quote(name), value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// quote returns s as a JSON string, without escaping for HTML.
func quote(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return json.RawMessage(`""`) // unreachable: a string always encodes
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
