package providers

import (
	"encoding/json"
	"time"
)

// Name names a provider. It is a metric label.
type Name string

// The providers there are.
const (
	Meta    Name = "meta"
	Gupshup Name = "gupshup"
)

// Kind is what an inbound event is. The set is closed: it is a metric label,
// and the effect of every kind on window and reply is one table in followup.
type Kind string

// The kinds of inbound event.
const (
	KindText            Kind = "text"
	KindImage           Kind = "image"
	KindVideo           Kind = "video"
	KindAudio           Kind = "audio"
	KindDocument        Kind = "document"
	KindSticker         Kind = "sticker"
	KindLocation        Kind = "location"
	KindContacts        Kind = "contacts"
	KindInteractive     Kind = "interactive" // a tap on a button, list or flow of ours
	KindButton          Kind = "button"      // a tap on a template's quick reply
	KindOrder           Kind = "order"
	KindCall            Kind = "call"             // the user called, or accepted our call
	KindCallOther       Kind = "call_other"       // any other call notice
	KindReaction        Kind = "reaction"         // an emoji on a message of ours
	KindReactionRemoved Kind = "reaction_removed" // and its removal
	KindUnsupported     Kind = "unsupported"
	KindEdit            Kind = "edit"
	KindRevoke          Kind = "revoke"
	KindGroup           Kind = "group"  // any message in a group
	KindSystem          Kind = "system" // number or user id changed
	KindStatus          Kind = "status" // a receipt about a message of ours
	KindEcho            Kind = "echo"   // the business wrote from its own app
	KindHistory         Kind = "history"
	KindPreference      Kind = "preference" // marketing stop or resume
	KindTemplate        Kind = "template"   // a template changed status, category or quality
	KindAccount         Kind = "account"    // account-level notice, also errors without a message
	KindPlatform        Kind = "platform"   // the provider checks us: connectivity-check, sandbox-start
	KindUnknown         Kind = "unknown"    // a field or type nobody has told us about
)

// Kinds lists every kind, so that metrics can exist before the first event.
var Kinds = []Kind{
	KindText, KindImage, KindVideo, KindAudio, KindDocument, KindSticker, KindLocation, KindContacts,
	KindInteractive, KindButton, KindOrder, KindCall, KindCallOther, KindReaction, KindReactionRemoved,
	KindUnsupported, KindEdit, KindRevoke, KindGroup, KindSystem, KindStatus, KindEcho, KindHistory,
	KindPreference, KindTemplate, KindAccount, KindPlatform, KindUnknown,
}

// Contact is the WhatsApp user as the provider names him. Either Phone or
// UserID may be missing: since 2026 a user with a username hides his phone.
type Contact struct {
	Phone  string // digits with country code, without "+"; empty if not shared
	UserID string // business-scoped user id (BSUID), prefix and dot included; empty if not told
	Name   string // profile name; empty if not told
}

// IsZero reports whether the contact can be addressed by neither identity.
func (c Contact) IsZero() bool { return c.Phone == "" && c.UserID == "" }

// Event is one item of a webhook: a message, a status, a notice. Decoders
// split batches, so every event stands alone.
type Event struct {
	Kind Kind

	// ID identifies the event for deduplication within its lead: the
	// provider's message id, and for everything else a string derived from the
	// item that a re-delivery, in whichever format, yields again. Never empty.
	ID string

	// Number routes the event to a channel: Meta's phone number id. Empty for
	// account-level events and for Gupshup v2, whose URL names the channel.
	Number string
	// Account is the WABA id (entry[].id), or the Gupshup app id or name.
	Account string

	Contact Contact
	// Previous is the identity a system notice says the contact had before.
	Previous Contact

	// Group is the group that the item is of; empty for what is between the contact
	// and the business alone.
	Group string `json:",omitzero"`

	// At is the provider's timestamp of the item; zero if it told none that can
	// be believed.
	At time.Time
	// Margin is what At was put earlier by, because WhatsApp's own timestamp of
	// the message is not told (Gupshup v2): it was written at At+Margin at the
	// latest. Where At is zero, the arrival minus Margin stands for it.
	Margin time.Duration `json:",omitzero"`

	// MessageID is the provider's id of the message itself ("" if it has none).
	MessageID string
	// Text is what the person said in words (body, caption, title of the tapped
	// button), for the conversation history and opt-out words. It may be empty.
	Text string
	// Payload is what the tapped quick reply of a template carries: its label unless
	// its sender gave it another. Empty for all else.
	Payload string `json:",omitzero"`
	// Quoted is the message id this one replies to, as the sender of the quoted
	// message was given it if the provider says so; empty if none.
	Quoted string

	Status     *Status         // set for KindStatus
	Preference *Preference     // set for KindPreference
	Template   *TemplateChange // set for KindTemplate where the item names a template

	// Field and Value are the Cloud API change this event is relayed as, with
	// Value narrowed to this one item and its contact.
	Field string
	Value json.RawMessage
	// Entry is what else Meta's entry said, beside its id and changes, as an
	// object: the time, and what nobody has told us about, but no lists, which may
	// hold items of others. nil: nothing.
	Entry json.RawMessage `json:",omitempty"`
}

// StatusState is how far a message of ours got. See Rank.
type StatusState string

// The states a receipt can report.
const (
	StatusAccepted  StatusState = "accepted" // Gupshup: enqueued
	StatusSent      StatusState = "sent"
	StatusDelivered StatusState = "delivered"
	StatusRead      StatusState = "read"
	StatusPlayed    StatusState = "played"
	StatusFailed    StatusState = "failed"
	StatusOther     StatusState = "other" // anything newer than this list
)

// Rank orders the states a message passes; receipts arrive in any order and a
// lower rank never replaces a higher one. Failed may only follow accepted and
// sent. Unknown states have rank 0.
func (s StatusState) Rank() int {
	switch s {
	case StatusAccepted:
		return 1
	case StatusSent:
		return 2
	case StatusFailed:
		return 3
	case StatusDelivered:
		return 4
	case StatusRead:
		return 5
	case StatusPlayed:
		return 6
	case StatusOther:
	}
	return 0
}

// Status is a receipt about a message of ours.
type Status struct {
	// MessageID is the id the send call answered with, as far as the provider
	// says; OtherIDs are further ids the same message is known by.
	MessageID string
	OtherIDs  []string
	State     StatusState
	Err       *Error // set for StatusFailed
	// Opaque is biz_opaque_callback_data as it came back; empty if none.
	Opaque string
}

// Preference is a user's choice about marketing messages (Meta
// user_preferences, Gupshup preference-event).
type Preference struct {
	Stop bool // true: stop, false: resume
}

// TemplateChange says that a template of the account changed.
type TemplateChange struct {
	Name     string
	Language string // normalised: en_US, never en-US
	Status   string // upper case as Meta names it; empty if the notice is about something else
	Category string // upper case; empty if the notice is about something else
	Quality  string // upper case: GREEN, YELLOW, RED, UNKNOWN; empty if the notice is about something else
}
