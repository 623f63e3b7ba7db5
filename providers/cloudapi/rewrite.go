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
func (r Rewrite) Apply(value json.RawMessage) json.RawMessage {
	if r.StatusID != "" || r.Opaque != nil {
		value = inList(value, "statuses", func(s json.RawMessage) json.RawMessage {
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
			value = inList(value, name, func(m json.RawMessage) json.RawMessage {
				if context := lookup(m, "context"); lookup(context, "id") != nil {
					return with(m, "context", with(context, "id", quote(r.Quoted)))
				}
				if reaction := lookup(m, "reaction"); lookup(reaction, "message_id") != nil {
					return with(m, "reaction", with(reaction, "message_id", quote(r.Quoted)))
				}
				return m
			})
		}
	}
	return value
}

// inList changes the only element of a list in value.
func inList(value json.RawMessage, name string, change func(json.RawMessage) json.RawMessage) json.RawMessage {
	items := lookup(value, name)
	n := 0
	var item json.RawMessage
	for item = range elements(items) {
		n++
	}
	if n != 1 || !opens(item, '{') {
		return value
	}
	return with(value, name, list(change(item)))
}
