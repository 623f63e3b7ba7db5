package followup

import (
	"context"
	"encoding/json"
	"math"
	"time"
)

// RelayEvent is one event to be relayed to an assistant: a change in Meta's shape, or a webhook as
// the provider sent it.
type RelayEvent struct {
	Channel ChannelID       `json:"c"`
	Raw     *RawWebhook     `json:"r,omitempty"` // if set, Account, Entry and Value are empty
	Account string          `json:"a,omitempty"` // entry[].id
	Entry   json.RawMessage `json:"n,omitempty"` // an object: more members of the entry
	Field   string          `json:"f"`
	Value   json.RawMessage `json:"v,omitempty"`
	// Unreadable is the raw queue element if it is not an event or cannot be read. Then nothing else
	// is known of it, and it cannot be delivered.
	Unreadable []byte `json:"u,omitempty"`
}

// RawWebhook is a provider's webhook for an assistant that wants webhooks as they came. The body is
// stored in base64, because it need not be UTF-8 and its signature covers its exact bytes. That
// takes a third more space than the bytes.
type RawWebhook struct {
	Body []byte `json:"b"`
	// Narrowed says that the provider's body also held events of other conversations. Body is then
	// the provider's envelope around this conversation's events alone.
	Narrowed bool              `json:"n,omitempty"`
	Header   map[string]string `json:"h,omitempty"` // those of the provider's headers that are passed on
}

// RelayStore keeps the queues of events to be relayed: one queue per lead and assistant, in the
// order settled.
type RelayStore interface {
	// ClaimDeliveries takes up to Limit deliveries that may be tried at Real, each under a lease. It
	// goes round-robin by tenant and, within a tenant, round-robin by assistant, and takes no more
	// of either than its bound. Within an assistant, the queue whose head has waited longest comes
	// first.
	//
	// A delivery is the longest run of events of one channel at the head of a queue: at most
	// MaxEvents events and about MaxBytes of JSON, but at least one event. A raw webhook is a
	// delivery by itself. A delivery is frozen at its first claim: it keeps its ID and events until
	// it is finished. At most one delivery of a queue is out at a time. One whose lease ran out is
	// claimed again and counts as tried. What is handed out, including its ID, is stored as durably
	// as what is acknowledged.
	//
	// The returned duration is how long until something can be tried (a retry, a lease that runs
	// out), at most an hour; zero if Limit cut the result short. What a bound holds back does not
	// count: the caller has the other deliveries out and knows when there is room again.
	ClaimDeliveries(ctx context.Context, c ClaimDeliveries) ([]Delivery, time.Duration, error)
	// FinishDelivery ends a claim. The delivery is delivered (its events are removed), to be retried
	// at RetryAt, released (as if never claimed; a delivery that was never tried may be cut anew,
	// unless it was Seen), split, or dead (moved to the dead letters with its reason). ErrStale if
	// the token is not current. Events behind a delivery wait until it is finished.
	//
	// Splitting a delivery removes no event. From then on each of its events is a delivery of its
	// own, in the same order, with a new ID and no tries yet. FirstAt stays that of the delivery
	// that was split.
	FinishDelivery(ctx context.Context, f FinishDelivery) error

	// DeadLetters lists the dead letters of the tenant ("" for all tenants), newest first, without
	// their events, and returns how many there are. DeadLetter returns one with its events.
	// ReplayDead puts its events at the end of their queue; DropDead removes it. These three return
	// ErrNotFound if there is none of that id. A dead letter that cannot be read is listed as
	// DeadUnreadable; it can only be dropped (else ErrUnreadable).
	DeadLetters(ctx context.Context, tenant TenantID, limit, offset int) ([]DeadLetter, int, error)
	DeadLetter(ctx context.Context, id string) (DeadLetter, error)
	// WalkDead visits the dead letters that exist when it is called, of the tenant or of all, without
	// their events, oldest first. It may leave out those that are removed meanwhile. It stops at the
	// first error of visit and returns that error unwrapped.
	WalkDead(ctx context.Context, tenant TenantID, visit func(DeadLetter) error) error
	ReplayDead(ctx context.Context, id string, real time.Time) error
	DropDead(ctx context.Context, id string) error
}

// ClaimDeliveries says what to claim.
type ClaimDeliveries struct {
	Real      time.Time
	Limit     int
	MaxEvents int
	MaxBytes  int // 0: no bound
	Lease     time.Duration

	// Tenants maps each assistant to its tenant. Assistants that are missing belong to nobody, which
	// counts as one tenant.
	Tenants     map[AssistantID]TenantID
	OfTenant    Bound[TenantID]
	OfAssistant Bound[AssistantID]
}

// Bound says how many items may be taken for each key: Each, unless Left has an entry for the key.
// Left is for keys that have some items out already, or may have none. The zero value bounds
// nothing.
type Bound[K comparable] struct {
	Each int // 0: any number
	Left map[K]int
}

// Of returns how many may be taken for k.
func (b Bound[K]) Of(k K) int {
	if n, ok := b.Left[k]; ok {
		return max(n, 0)
	}
	if b.Each <= 0 {
		return math.MaxInt
	}
	return b.Each
}

// Delivery is a frozen batch of one conversation's events under lease.
type Delivery struct {
	ID        string // the webhook-id
	Token     string
	Tenant    TenantID
	Assistant AssistantID
	Lead      LeadID
	Channel   ChannelID
	Events    []RelayEvent
	Attempts  int       // tries before this one
	Rejected  int       // those of Attempts that were answered 400, 413 or 422
	FirstAt   time.Time // first claim; real time
	QueuedAt  time.Time // when its first event was settled; real time
	Window    Conversation
}

// FinishDelivery is the result of a try. Exactly one of Delivered, Release,
// Split, Dead and RetryAt is set.
type FinishDelivery struct {
	Delivery  Delivery
	Delivered bool
	Release   bool
	Seen      bool // with Release: the assistant may have received it, so it stays frozen
	Split     bool
	Dead      string // reason
	RetryAt   time.Time
	Rejected  bool // with RetryAt: count a rejection
	Real      time.Time
}

// DeadLetter is a delivery that was given up on.
type DeadLetter struct {
	ID        string       `json:"id"` // partition and webhook-id
	Tenant    TenantID     `json:"tenant_id"`
	Assistant AssistantID  `json:"assistant_id"`
	Lead      LeadID       `json:"lead_id"`
	Channel   ChannelID    `json:"channel_id"`
	Reason    string       `json:"reason"`
	Attempts  int          `json:"attempts"`
	QueuedAt  time.Time    `json:"queued_at"`
	DeadAt    time.Time    `json:"dead_at"`
	Count     int          `json:"count"`            // number of events
	Events    []RelayEvent `json:"events,omitempty"` // only from DeadLetter
}

// DeadUnreadable is the reason of a dead letter that cannot be read. Only its ID, Lead, DeadAt and,
// in most cases, Tenant are known.
const DeadUnreadable = "unreadable"
