package followup

import (
	"context"
	"time"
)

// MessageStore maps provider message ids to what we sent. An id means something
// within its tenant only: whatever another tenant's webhooks or requests say of
// the same id is about another message.
type MessageStore interface {
	// LinkMessage makes ref found by each of its ids, and returns the receipts
	// that were parked under any of them, to be settled now. They stay until they
	// are a week old, so that a crash before they have taken effect loses none, and
	// are returned again when any of the ids is linked again: a receipt takes
	// effect once, by its rank. It adds to what is known: an id linked before
	// keeps its attempt, and learns the ids; ids linked together share one attempt.
	LinkMessage(ctx context.Context, tenant TenantID, ref MessageRef) ([]Parked, error)
	// Message returns the tenant's message known by id, or ErrNotFound. With park set and
	// nothing known, the receipt is kept under id for a week, for LinkMessage.
	Message(ctx context.Context, tenant TenantID, id string, park *Parked) (MessageRef, error)
	// Opaque returns what GuardSend was told to give back for an attempt: known
	// from before the call is made, so also to a status that comes before its answer.
	// Empty if that was nothing, and for a step. ErrNotFound if the tenant knows
	// no such attempt; one of a lead that was merged is known, of an erased one not.
	Opaque(ctx context.Context, tenant TenantID, attempt AttemptID) (string, error)
}

// MessageRef is a message of ours by its ids.
type MessageRef struct {
	Attempt    AttemptID // empty: none of ours
	SenderID   string    // the id its sender was given
	ProviderID string    // WhatsApp's own id, to be used when quoting; empty: not known yet
	Opaque     string    // the sender's biz_opaque_callback_data, to be given back in statuses; empty: none
	// Waiting says that receipts are parked under the id that Message was asked
	// for: who would settle them now links it again. Not read by LinkMessage.
	Waiting bool
}

// Parked is a receipt that came before the answer of the send call.
type Parked struct {
	Channel ChannelID `json:"c"`
	Receipt Receipt   `json:"r"`
	At      time.Time `json:"a"`
}
