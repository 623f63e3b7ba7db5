package followup

import (
	"context"
	"time"
)

// MessageStore maps provider message ids to the messages we sent. An id has a meaning only within
// its tenant: the same id in another tenant's webhooks or requests is another message.
type MessageStore interface {
	// LinkMessage makes ref findable by each of its ids, and returns the receipts that were parked
	// under any of them, to be settled now. Receipts stay parked until they are a week old, so that
	// a crash before they took effect loses none. They are returned again when any of the ids is
	// linked again; that does no harm, as a receipt takes effect once, by its rank. LinkMessage adds
	// to what is known: an id linked before keeps its attempt and learns the new ids; ids linked
	// together share one attempt.
	LinkMessage(ctx context.Context, tenant TenantID, ref MessageRef) ([]Parked, error)
	// Message returns the tenant's message known by id, or ErrNotFound. If none is known and park is
	// set, the receipt is kept under id for a week, for LinkMessage.
	Message(ctx context.Context, tenant TenantID, id string, park *Parked) (MessageRef, error)
	// Opaque returns the GuardSend.Opaque of an attempt. It is known before the call is made, so a
	// status that comes before the call's answer finds it. It is empty if the sender gave none, and
	// for a step. ErrNotFound if the tenant knows no such attempt. An attempt of a merged lead is
	// known; one of an erased lead is not.
	Opaque(ctx context.Context, tenant TenantID, attempt AttemptID) (string, error)
}

// MessageRef is a message of ours by its ids.
type MessageRef struct {
	Attempt    AttemptID // empty: not a message of ours
	SenderID   string    // the id its sender was given
	ProviderID string    // WhatsApp's own id, to be used when quoting; empty: not known yet
	Opaque     string    // the sender's biz_opaque_callback_data, given back in statuses; empty: none
	// Waiting says that receipts are parked under the id that Message was asked for. A caller that
	// wants to settle them now links the id again. LinkMessage does not read Waiting.
	Waiting bool
}

// Parked is a receipt that came before the answer of the send call.
type Parked struct {
	Channel ChannelID `json:"c"`
	Receipt Receipt   `json:"r"`
	At      time.Time `json:"a"`
}
