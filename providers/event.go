package providers

import (
	"encoding/json"
	"time"
)

// Name is the name of a provider. It is a metric label.
type Name string

// The providers.
const (
	Meta    Name = "meta"
	Gupshup Name = "gupshup"
)

// Kind is the kind of an inbound event. The set is closed: a kind is a metric label, and package
// followup has one table with the effect of every kind on window and reply.
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
	KindReactionRemoved Kind = "reaction_removed" // removal of such an emoji
	KindUnsupported     Kind = "unsupported"
	KindEdit            Kind = "edit"
	KindRevoke          Kind = "revoke"
	KindGroup           Kind = "group"  // any message in a group
	KindSystem          Kind = "system" // the number or user id of a user changed
	KindStatus          Kind = "status" // a receipt about a message of ours
	KindEcho            Kind = "echo"   // the business wrote from its own app
	KindHistory         Kind = "history"
	KindPreference      Kind = "preference" // marketing stop or resume
	KindTemplate        Kind = "template"   // a template changed status, category or quality
	KindAccount         Kind = "account"    // account-level notice, or an error that belongs to no message
	KindPlatform        Kind = "platform"   // connectivity-check or sandbox-start of the provider
	KindUnknown         Kind = "unknown"    // a field or type that wagate does not know
)

// Kinds lists every kind, so that metrics can exist before the first event.
var Kinds = []Kind{
	KindText, KindImage, KindVideo, KindAudio, KindDocument, KindSticker, KindLocation, KindContacts,
	KindInteractive, KindButton, KindOrder, KindCall, KindCallOther, KindReaction, KindReactionRemoved,
	KindUnsupported, KindEdit, KindRevoke, KindGroup, KindSystem, KindStatus, KindEcho, KindHistory,
	KindPreference, KindTemplate, KindAccount, KindPlatform, KindUnknown,
}

// Contact is the WhatsApp user as the provider names them. Either Phone or UserID may be missing:
// since 2026 a user with a username hides the phone.
type Contact struct {
	Phone  string // digits with country code, without "+"; empty if not shared
	UserID string // business-scoped user id (BSUID), prefix and dot included; empty if not told
	Name   string // profile name; empty if not told
}

// IsZero reports whether the contact has neither a phone nor a user id to address it by.
func (c Contact) IsZero() bool { return c.Phone == "" && c.UserID == "" }

// Event is one item of a webhook: a message, a status or a notice. Decoders split batches, so every
// event stands alone.
type Event struct {
	Kind Kind

	// ID identifies the event for deduplication within its lead. For messages it is the provider's
	// message id. For everything else it is derived from the item such that a re-delivery, in any
	// format, gives the same ID. Never empty.
	ID string

	// Number is Meta's phone number id, which routes the event to a channel. Empty for
	// account-level events and for Gupshup v2, where the webhook URL names the channel.
	Number string
	// Account is the WABA id (entry[].id), or the Gupshup app id or name.
	Account string

	Contact Contact
	// Previous is the contact's former identity, if a system notice tells one.
	Previous Contact

	// Group is the id of the group that the item belongs to; empty for an item between the contact
	// and the business alone.
	Group string `json:",omitzero"`

	// At is the provider's timestamp of the item; zero if there is none or it is not credible.
	At time.Time
	// Margin is how much At was moved back because the provider does not tell WhatsApp's own
	// timestamp of the message (Gupshup v2): the message was written at At+Margin at the latest. If
	// At is zero, use the time of arrival minus Margin instead.
	Margin time.Duration `json:",omitzero"`

	// MessageID is the provider's id of the message itself; empty if the item has none.
	MessageID string
	// Text is what the person said in words (body, caption, title of the tapped button), for the
	// conversation history and the opt-out words. May be empty.
	Text string
	// Payload is the payload of a tapped quick reply of a template: the button's label unless the
	// sender of the template set another. Empty for everything else.
	Payload string `json:",omitzero"`
	// Quoted is the id of the message that this one replies to; empty if none. It is the id that
	// the sender of the quoted message was given, if the provider tells it.
	Quoted string

	Status     *Status         // set for KindStatus
	Preference *Preference     // set for KindPreference
	Template   *TemplateChange // set for KindTemplate where the item names a template

	// Field and Value are the Cloud API change that the event is relayed as. Value is narrowed to
	// this one item and its contact.
	Field string
	Value json.RawMessage
	// Entry holds the other members of Meta's webhook entry, beside its id and changes, as an
	// object: the time and members that wagate does not know. Lists are left out, as they may hold
	// items of others. Nil if there is nothing.
	Entry json.RawMessage `json:",omitempty"`
}

// StatusState is how far a message of ours got. Rank orders the states.
type StatusState string

// The states a receipt can report.
const (
	StatusAccepted  StatusState = "accepted" // Gupshup: enqueued
	StatusSent      StatusState = "sent"
	StatusDelivered StatusState = "delivered"
	StatusRead      StatusState = "read"
	StatusPlayed    StatusState = "played"
	StatusFailed    StatusState = "failed"
	StatusOther     StatusState = "other" // any state that is not in this list
)

// Rank returns the rank of a state. Receipts arrive in any order, and a lower rank never replaces a
// higher one. Failed may only follow accepted and sent. Unknown states have rank 0.
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
	// MessageID is the id that the send call returned, as far as the provider tells it. OtherIDs
	// are further ids of the same message.
	MessageID string
	OtherIDs  []string
	State     StatusState
	Err       *Error // set for StatusFailed
	// Opaque is the biz_opaque_callback_data of the message; empty if none.
	Opaque string
}

// Preference is a user's choice about marketing messages (Meta user_preferences, Gupshup
// preference-event).
type Preference struct {
	Stop bool // true: stop, false: resume
}

// TemplateChange is a change to a template of the account.
type TemplateChange struct {
	Name     string
	Language string // normalised: en_US, never en-US
	Status   string // upper case as Meta names it; empty if the notice is about something else
	Category string // upper case; empty if the notice is about something else
	Quality  string // upper case: GREEN, YELLOW, RED, UNKNOWN; empty if the notice is about something else
}
