package leads

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// change is one field of a patch. set says that the caller named the field; the value is then the
// new one, and the zero value clears the field.
type change[T any] struct {
	set   bool
	value T
}

func (c change[T]) apply(to *T) {
	if c.set {
		*to = c.value
	}
}

// patch is what a caller wants to change in a lead, with each field checked by itself.
type patch struct {
	name, phone, email, company, userID, externalID change[string]
	statusID, assistant, channel                    change[string]
	optedOut                                        change[bool]
	// asOf is the instant of the state that the caller knows, zero if it did not say. If the lead
	// has opted out or back in since, optedOut is not applied.
	asOf        time.Time
	lastInbound change[time.Time]
	// custom holds the custom fields to set; a nil value deletes its key. clearCustom
	// deletes all of them.
	custom      map[string]any
	clearCustom bool
}

const customFields = "custom_fields"

// readCustom reads custom_fields and notes what is wrong with it under path.
func (p *patch) readCustom(raw json.RawMessage, path string, problems *fault.Problems) {
	values, err := followup.ParseFields(raw)
	if err != nil {
		problems.Add(path, "must be an object or null")
		return
	}
	if json.Unmarshal(raw, new(any)) != nil { // most readers of the fields decode numbers as floats
		problems.Add(path, "has a number that is too large")
		return
	}
	if values == nil {
		p.clearCustom = true
		return
	}
	if len(raw) > followup.MaxFieldsBytes {
		problems.Add(path, "must have at most %d bytes", followup.MaxFieldsBytes)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		switch {
		case strings.TrimSpace(key) == "":
			problems.Add(path, "has an empty key")
		case len(key) > maxKey:
			problems.Add(path, "has a key of more than %d bytes", maxKey)
		case strings.ContainsFunc(key, unicode.IsControl):
			problems.Add(path, "has a key with control characters")
		}
	}
	p.custom = values
}

// add copies to p the texts that another patch sets.
func (p *patch) add(other patch) {
	for _, f := range writable {
		if f.in != nil && f.in(&other).set {
			*f.in(p) = *f.in(&other)
		}
	}
}

// apply returns the lead with the patch applied.
func (p patch) apply(l followup.Lead) followup.Lead {
	p.name.apply(&l.Name)
	if !followup.SamePhone(p.phone.value, l.Phone) { // another spelling is no change: the record has WhatsApp's own
		p.phone.apply(&l.Phone)
	}
	p.userID.apply(&l.UserID)
	p.externalID.apply(&l.ExternalID)
	p.email.apply(&l.Email)
	p.company.apply(&l.Company)
	p.statusID.apply(&l.StatusID)
	if p.asOf.IsZero() || !p.asOf.Before(l.OptOutSaidAt) {
		p.optedOut.apply(&l.OptedOut)
	}
	if p.assistant.set {
		l.Assistant = followup.AssistantID(p.assistant.value)
	}
	if p.channel.set {
		l.Channel = followup.ChannelID(p.channel.value)
	}
	l.CustomFields = p.applyCustom(l.CustomFields)
	return l
}

func (p patch) applyCustom(old map[string]any) map[string]any {
	if p.clearCustom {
		return nil
	}
	if len(p.custom) == 0 {
		return old
	}
	fields := maps.Clone(old)
	if fields == nil {
		fields = map[string]any{}
	}
	for key, value := range p.custom {
		if value == nil {
			delete(fields, key)
			continue
		}
		fields[key] = value
	}
	if len(fields) == 0 {
		return nil
	}
	return fields
}

// identity returns the identities that the patch sets.
func (p patch) identity() followup.Identity {
	return followup.Identity{Phone: p.phone.value, UserID: p.userID.value, ExternalID: p.externalID.value}
}

// check notes what would be wrong with the lead l if it were written.
func check(l followup.Lead, prefix string, problems *fault.Problems) {
	unread := problems.Has(prefix+"phone") || problems.Has(prefix+"user_id") || problems.Has(prefix+"external_id")
	if l.Phone == "" && l.UserID == "" && l.ExternalID == "" && !unread {
		problems.Append(fault.Detail{
			Field: prefix + "phone", Problem: "is required, unless user_id or external_id is given", Missing: true,
		})
	}
	if len(l.CustomFields) > followup.MaxFields {
		problems.Add(prefix+customFields, "would have more than %d keys", followup.MaxFields)
	}
	if size := followup.FieldsSize(l.CustomFields); size > followup.MaxFieldsBytes {
		problems.Add(prefix+customFields, "would have more than %d bytes", followup.MaxFieldsBytes)
	}
}
