package cloudapi

import "encoding/json"

// Rewrite replaces the provider's ids and opaque data in an event's Value when it is relayed, with
// the ids that the assistant was given and its own opaque data. An empty member leaves the value as
// it is.
type Rewrite struct {
	StatusID string // id of the status
	Quoted   string // id of the message quoted or reacted to
	// Opaque replaces biz_opaque_callback_data of the status. If it points to "", the member is
	// removed.
	Opaque *string
}

// Apply returns raw with the changes made in its one message or status. All other members keep the
// bytes that they came with. If raw does not have exactly one such item, it is returned unchanged.
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
					if v := m.get(of.member); v.get(of.id).exists() {
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

// list returns an array with one element.
func list(item json.RawMessage) json.RawMessage {
	b := make([]byte, 0, len(item)+2)
	b = append(b, '[')
	b = append(b, item...)
	return append(b, ']')
}
