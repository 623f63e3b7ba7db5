package followup

import (
	"context"
	"encoding/json"
	"math"
	"time"
)

// RelayEvent is one event on its way to an assistant: a change in Meta's shape,
// or a webhook as the provider sent it.
type RelayEvent struct {
	Channel ChannelID       `json:"c"`
	Raw     *RawWebhook     `json:"r,omitempty"` // then there is no account, entry and value
	Account string          `json:"a,omitempty"` // entry[].id
	Entry   json.RawMessage `json:"n,omitempty"` // an object: further members of the entry
	Field   string          `json:"f"`
	Value   json.RawMessage `json:"v,omitempty"`
	// Unreadable is what lies in the queue, where that is no event, or none that can be
	// read: then nothing else is known of it. It cannot be delivered.
	Unreadable []byte `json:"u,omitempty"`
}

// RawWebhook is a provider's webhook for an assistant that wants it so. It is
// kept in base64, because a body need not be UTF-8 and its signature is over its
// bytes: a third more than these.
type RawWebhook struct {
	Body []byte `json:"b"`
	// Narrowed says that the body had more in it than is this conversation's: it
	// is the provider's envelope around what is.
	Narrowed bool              `json:"n,omitempty"`
	Header   map[string]string `json:"h,omitempty"` // what of the provider's is handed on
}

// RelayStore is the queue of deliveries: one per lead and assistant, in the
// order settled.
type RelayStore interface {
	// ClaimDeliveries takes up to Limit deliveries that may be tried at real, each
	// under a lease: round-robin by tenant, a tenant's round-robin by assistant, and of
	// neither more than its bound. A delivery is the longest run of events of one channel at the head of a queue, at most
	// MaxEvents and about MaxBytes of JSON, but always one, and a raw webhook by itself; it is frozen at its first claim: same ID and events until it is
	// finished. At most one delivery of a queue is out at a time; one whose
	// lease ran out is claimed again, and counts as tried. Within an assistant the queue
	// whose head waits longest comes first. Next: how long until something can be
	// tried (a retry, a lease that runs out), bounded by an hour; zero if Limit cut short.
	// What a bound holds back does not count: whoever has the rest out knows when there is room.
	// What is handed out is kept as durably as what is acknowledged, its ID too.
	ClaimDeliveries(ctx context.Context, c ClaimDeliveries) ([]Delivery, time.Duration, error)
	// FinishDelivery ends a claim: delivered (events removed), to be retried at
	// RetryAt, released (as if never claimed; one never tried may be cut anew, unless it was
	// Seen), split, or dead (moved to the dead letters with its reason). ErrStale if the
	// token is not current. What is behind a delivery waits for it.
	//
	// Of a delivery that is split nothing is removed: from now on each of its events
	// is a delivery of its own, in their order, with an ID of its own and no tries
	// yet, and FirstAt stays that of the delivery they were in.
	FinishDelivery(ctx context.Context, f FinishDelivery) error

	// DeadLetters lists the tenant's dead letters ("" for all tenants), newest
	// first; DeadLetter returns one with its events. Replay puts it at the end
	// of its queue; Drop forgets it. ErrNotFound where there is none. One that cannot be
	// read is listed as DeadUnreadable and can be dropped, nothing else (ErrUnreadable).
	DeadLetters(ctx context.Context, tenant TenantID, limit, offset int) ([]DeadLetter, int, error)
	DeadLetter(ctx context.Context, id string) (DeadLetter, error)
	// WalkDead visits the dead letters that are there when it is asked, of the tenant
	// or of all, without their events, oldest first. What is removed meanwhile may be
	// left out. It ends with the first error of visit, which it returns as it is.
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

	// Tenants tells whose each assistant is; those that are missing are nobody's,
	// which counts as one tenant.
	Tenants     map[AssistantID]TenantID
	OfTenant    Bound[TenantID]
	OfAssistant Bound[AssistantID]
}

// Bound says how many may be taken of each of many: Each, or what is Left to
// those who have some already, or are to have none. Its zero value bounds nothing.
type Bound[K comparable] struct {
	Each int // 0: any number
	Left map[K]int
}

// Of is how many may be taken of k.
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
	Rejected  int       // of these, answered 400, 413 or 422
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
	Seen      bool // with Release: the assistant may have got it, so it stays frozen
	Split     bool
	Dead      string // reason
	RetryAt   time.Time
	Rejected  bool // with RetryAt: count a rejection
	Real      time.Time
}

// DeadLetter is a delivery that was given up.
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

// DeadUnreadable is the reason of a dead letter that cannot be read: of it no more is
// known than ID, Lead, DeadAt and, most often, Tenant.
const DeadUnreadable = "unreadable"
