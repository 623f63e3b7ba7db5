package cloudapi

import "encoding/json"

// Rewrite says what an event's Value is to have in place of the provider's
// words when it is relayed: ids the assistant was given, and its own opaque
// data. An empty member leaves what is there.
type Rewrite struct {
	StatusID string // of the status
	Quoted   string // of the message quoted or reacted to
	// Opaque replaces biz_opaque_callback_data of the status; pointing to "" it
	// removes it.
	Opaque *string
}

// Apply returns the value with the changes made in its one message or status;
// all other bytes stay as they are. A value without such an item is returned
// as it is.
func (r Rewrite) Apply(raw json.RawMessage) json.RawMessage {
	if r.StatusID != "" || r.Opaque != nil {
		raw = inList(raw, "statuses", func(status value) json.RawMessage {
			s := status.raw()
			if r.StatusID != "" {
				s = with(s, "id", quote(r.StatusID))
			}
			switch {
			case r.Opaque == nil:
			case *r.Opaque == "":
				s = with(s, "biz_opaque_callback_data", nil)
			default:
				s = with(s, "biz_opaque_callback_data", quote(*r.Opaque))
			}
			return s
		})
	}
	if r.Quoted != "" {
		for _, name := range []string{"messages", "message_echoes"} {
			raw = inList(raw, name, func(m value) json.RawMessage {
				for _, of := range []struct{ member, id string }{{"context", "id"}, {"reaction", "message_id"}} {
					if v := m.get(of.member); v.get(of.id).there() {
						return with(m.raw(), of.member, with(v.raw(), of.id, quote(r.Quoted)))
					}
				}
				return m.raw()
			})
		}
	}
	return raw
}

// inList changes the only element of a list in an object.
func inList(raw json.RawMessage, name string, change func(value) json.RawMessage) json.RawMessage {
	n := 0
	var item value
	for item = range read(raw).get(name).elements() {
		n++
	}
	if n != 1 || !item.opens('{') {
		return raw
	}
	return with(raw, name, list(change(item)))
}

// list returns an array of one.
func list(item json.RawMessage) json.RawMessage {
	b := make([]byte, 0, len(item)+2)
	b = append(b, '[')
	b = append(b, item...)
	return append(b, ']')
}
