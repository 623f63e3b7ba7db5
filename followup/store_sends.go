package followup

import (
	"context"
	"time"

	"wagate/providers"
)

// SendStore guards and records what is sent through the API.
type SendStore interface {
	// GuardSend is GuardStep for a message that an assistant sends through the API. If it allows the
	// call, the runs concerned (as for Item.Outbound) wait anew: claimed steps are void and armed
	// again at now+Interval, and armed ones start their wait again. A step already in sending goes
	// on. A refused call has no effect. An opted-out lead refuses marketing only.
	//
	// The checks are made in this order: lead moved, opt-out, pause, window. A lead that is not the
	// tenant's is ErrNotFound.
	GuardSend(ctx context.Context, g GuardSend) (Verdict, error)

	// RecordSend records the result of an attempt made under GuardSend: the message id, the history
	// entry, and the provider's "window closed" or opt-out. Recording an attempt again changes
	// nothing. If the lead was merged into another since, the result is recorded with that lead;
	// ErrLeadMoved only if the lead was erased.
	RecordSend(ctx context.Context, r RecordSend) error

	// BeginKey claims an idempotency key of the tenant for a request with this fingerprint. It
	// returns KeyNew and the Owner if the key is new, or its owner's lease ran out before HoldKey;
	// KeyBusy if another request holds it; KeyDone with the answer if it was finished; KeyMismatch if
	// the fingerprint differs.
	BeginKey(ctx context.Context, tenant TenantID, key, fingerprint string, real time.Time, lease time.Duration) (KeyAnswer, error)
	// HoldKey says that the owner of a key is about to send. From then on the result may stay
	// unknown, so the key is held for as long as it is remembered. ErrStale if the lease ran out and
	// another request owns the key, or the key is gone; then nothing may be sent. When it returns nil, the hold is as
	// durable as configured.
	HoldKey(ctx context.Context, tenant TenantID, key, owner string, real time.Time) error
	// FinishKey stores the answer, which may be any bytes, for KeyAge. DropKey removes the key,
	// unless another request owns it by then, so that the same request can be tried again. The
	// erasure of a lead does not reach the answer, so the caller MUST give it in a form that only
	// somebody who has the request can read.
	FinishKey(ctx context.Context, tenant TenantID, key string, answer []byte, real time.Time) error
	DropKey(ctx context.Context, tenant TenantID, key, owner string) error

	// Pace takes one slot of the channel's rate (perSecond messages per second, with burst), shared
	// by all replicas, and returns how long to wait before using it. If the wait is longer than
	// longest, it takes no slot, so that a refused message does not delay those after it. No caller
	// waits longer than LongestPace, so a slot farther off than that was taken by a clock that was
	// ahead, and does not count.
	Pace(ctx context.Context, channel ChannelID, perSecond float64, burst int, longest time.Duration, real time.Time) (time.Duration, error)

	// History returns the conversation's last messages, oldest first: at most HistoryMessages, none
	// older than HistoryAge at now.
	History(ctx context.Context, lead LeadID, channel ChannelID, now time.Time) ([]Entry, error)
}

// LongestPace is the longest that any caller waits for a slot of a channel's rate.
const LongestPace = time.Minute

// KeyAge is how long an idempotency key is remembered.
const KeyAge = 24 * time.Hour

// KeyState is the state of an idempotency key.
type KeyState string

// The states of an idempotency key.
const (
	KeyNew      KeyState = "new"
	KeyBusy     KeyState = "busy"
	KeyDone     KeyState = "done"
	KeyMismatch KeyState = "mismatch"
)

// KeyAnswer is what BeginKey found.
type KeyAnswer struct {
	State  KeyState
	Answer []byte
	Owner  string // with KeyNew: the new owner, for HoldKey and DropKey
}

// GuardSend asks for permission to send a message of an assistant.
type GuardSend struct {
	Tenant    TenantID
	Lead      LeadID
	Channel   ChannelID
	Assistant AssistantID
	// To is the addressee. With FreeForm, the window must be open to To.
	To        providers.Contact
	FreeForm  bool
	Marketing bool
	Opaque    string    // the sender's biz_opaque_callback_data, given back in statuses
	Previous  AttemptID // on a retry: the attempt that cannot have been sent; it is reused
	Now       time.Time
	Real      time.Time
}

// RecordSend is the result of an API send.
type RecordSend struct {
	Tenant      TenantID
	Lead        LeadID
	Channel     ChannelID
	Attempt     AttemptID
	MessageID   string
	Entry       *Entry // nil unless it was (or may have been) sent
	CloseWindow bool
	OptOut      bool
	Now         time.Time
	Real        time.Time
}
