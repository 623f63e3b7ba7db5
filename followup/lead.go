package followup

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"wagate/providers"
)

// Lead is a tenant's record of one contact.
type Lead struct {
	ID           LeadID
	Tenant       TenantID
	Name         string
	Phone        string // digits with country code, no "+"; may be empty
	UserID       string // BSUID; may be empty
	Email        string
	Company      string
	StatusID     string
	CustomFields map[string]any // JSON values by field key, as ParseFields reads them
	ExternalID   string         // the CRM's id
	Assistant    AssistantID    // empty: the assistant of the last used channel; see AssistantOf
	Channel      ChannelID      // empty: the last used channel
	OptedOut     bool
	// OptOutSaidAt is when the lead's last word on opting out, either way, was said; zero if none
	// was. PutLead maintains it.
	OptOutSaidAt time.Time
	CreatedAt    time.Time
	UpdatedAt    time.Time

	// Revision counts the changes of the record; PutLead compares it.
	Revision int64
	// CRMAt is the timestamp of the newest CRM event applied; real time.
	CRMAt time.Time
	// Windows holds the conversation state per channel the lead has used.
	Windows map[ChannelID]Conversation
}

// TakeIn returns the lead with the empty fields of its record filled from the record of other, who is
// the same person; custom fields are filled by key. Of two windows of a channel, the one with the
// later LastInbound is taken whole, with the later UsedAt, and stays open to whoever opened it. TakeIn
// does not touch opt-out.
func (l Lead) TakeIn(other Lead) Lead {
	before := l
	l.Name = cmp.Or(l.Name, other.Name)
	l.Phone = cmp.Or(l.Phone, other.Phone)
	l.UserID = cmp.Or(l.UserID, other.UserID)
	l.Email = cmp.Or(l.Email, other.Email)
	l.Company = cmp.Or(l.Company, other.Company)
	l.StatusID = cmp.Or(l.StatusID, other.StatusID)
	l.ExternalID = cmp.Or(l.ExternalID, other.ExternalID)
	l.Assistant = cmp.Or(l.Assistant, other.Assistant)
	l.Channel = cmp.Or(l.Channel, other.Channel)
	l.CRMAt = Later(l.CRMAt, other.CRMAt)
	if len(other.CustomFields) > 0 {
		l.CustomFields = JoinFields(l.CustomFields, other.CustomFields)
	}
	windows := make(map[ChannelID]Conversation, len(l.Windows)+len(other.Windows))
	for c, ours := range l.Windows {
		if l.Phone != before.Phone || l.UserID != before.UserID {
			ours = ours.Renamed(before, l.Phone, l.UserID)
		}
		windows[c] = ours
	}
	for c, theirs := range other.Windows {
		ours, had := windows[c]
		w := ours
		if !had || theirs.LastInbound.After(ours.LastInbound) {
			w = theirs.Of(other)
			if w.OpenedBy == (providers.Contact{Phone: l.Phone, UserID: l.UserID}) {
				w.OpenedBy = providers.Contact{}
			}
		}
		w.UsedAt = Later(ours.UsedAt, theirs.UsedAt)
		windows[c] = w
	}
	l.Windows = windows
	return l
}

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// ParseFields parses a JSON object of custom fields; null is no fields. Numbers are kept as written,
// as json.Number: an invoice number of 17 digits would change as a float64.
func ParseFields(b []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		return nil, fmt.Errorf("custom fields: %w", err)
	}
	return fields, nil
}

// The bounds of a record's custom fields. They keep one lead's Redis hash far below the size that a
// script can move at once.
const (
	MaxFields      = 100
	MaxFieldsBytes = 32 << 10 // as JSON
)

// JoinFields returns ours with those fields of theirs that ours lacks. It adds them in the order of
// their keys and only as far as the bounds allow, because a record beyond the bounds could not be
// changed any more.
func JoinFields(ours, theirs map[string]any) map[string]any {
	out, size := map[string]any{}, 1
	if len(ours) > 0 {
		maps.Copy(out, ours)
		size = FieldsSize(ours)
	}
	for _, key := range slices.Sorted(maps.Keys(theirs)) {
		if _, had := out[key]; had {
			continue
		}
		more := FieldsSize(map[string]any{key: theirs[key]}) - 1 // a comma takes the place of two braces
		if len(out) < MaxFields && size+more <= MaxFieldsBytes {
			out[key] = theirs[key]
			size += more
		}
	}
	return out
}

// FieldsSize returns the length of custom fields as JSON, in bytes.
func FieldsSize(fields map[string]any) int {
	b, err := json.Marshal(fields)
	if err != nil { // values come from JSON and go back to it
		panic(fmt.Sprintf("followup: marshal custom fields: %v", err))
	}
	return len(b)
}

// Contact returns the contact that the record names: whom to address.
func (l Lead) Contact() providers.Contact {
	return providers.Contact{Phone: l.Phone, UserID: l.UserID, Name: l.Name}
}

// Conversation is the state of one lead on one channel.
type Conversation struct {
	// LastInbound is the provider's time of the newest message that opens the window; zero if there
	// was none.
	LastInbound time.Time
	// OpenedBy is the phone or user id that this message came from, if that is not the contact that
	// the record names; else it is zero. The window is open to nobody else.
	OpenedBy providers.Contact
	// Refused is true if the provider has said "window closed" since LastInbound, or the contact's
	// identity changed since. Only a later inbound message opens the window again.
	Refused bool
	// UsedAt is when the newest event in either direction arrived. It decides which channel was last
	// used.
	UsedAt time.Time
}

// Entry is one message of a conversation's history.
type Entry struct {
	From Speaker   `json:"f"`
	Text string    `json:"t"` // the text, or a placeholder such as "[image]"
	At   time.Time `json:"a"`
}

// Speaker is who said an Entry.
type Speaker string

// The speakers.
const (
	FromLead     Speaker = "lead"
	FromBusiness Speaker = "business" // the assistant, a human, a follow-up
)

// The bounds of a history, per conversation.
const (
	HistoryMessages = 30
	HistoryAge      = 30 * 24 * time.Hour
)
