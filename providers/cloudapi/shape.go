package cloudapi

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"wagate/providers"
)

// shapeMessage gives a message the timestamp and the quoted id Meta would have
// written.
func shapeMessage(o value, e providers.Event) json.RawMessage {
	raw := shapeTime(o, e.At)
	if context := o.get("context"); context.opens('{') && e.Quoted != "" && context.id("id") != e.Quoted {
		raw = with(raw, "context", with(context.raw(), "id", quote(e.Quoted)))
	}
	return raw
}

// shapeTime gives an item a timestamp in seconds, as a string.
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

// with returns the object raw with a member of this value: in the place where
// it had it, once, else at the end; a nil value removes the member. All other
// bytes stay as they are. Anything but an object is returned as it is.
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
