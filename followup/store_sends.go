package followup

import (
	"context"
	"time"

	"wagate/providers"
)

// SendStore guards and records what is sent through the API.
type SendStore interface {
	// GuardSend is GuardStep for a message of an assistant. It bumps the lead's generation:
	// claimed steps of the runs concerned (as for Item.Outbound) are void and
	// armed again at now+Interval, armed ones wait anew. A step already in
	// sending goes on. Opted-out leads refuse marketing only. A refused call has no effect.
	// The checks are made in this order: lead moved, opt-out, pause, window.
	// A lead that is not the tenant's is ErrNotFound.
	GuardSend(ctx context.Context, g GuardSend) (Verdict, error)

	// RecordSend records the result of an attempt made under GuardSend: message
	// id, history entry, and the provider's "window closed" or opt-out. Recording
	// an attempt again changes nothing. If the lead was merged into another since,
	// it is recorded with that one; ErrLeadMoved only if it was erased.
	RecordSend(ctx context.Context, r RecordSend) error

	// BeginKey claims an idempotency key of the tenant for a request with this
	// fingerprint. If the key is new (or its owner's lease ran out before HoldKey): KeyNew,
	// and its Owner. If another request holds it: KeyBusy. If it was
	// finished: KeyDone with the answer. If the fingerprint differs: KeyMismatch.
	BeginKey(ctx context.Context, tenant TenantID, key, fingerprint string, real time.Time, lease time.Duration) (KeyAnswer, error)
	// HoldKey says that the owner of a key is about to send: what becomes of it may not be
	// known from now on, so the key is held for as long as it is remembered. ErrStale if it
	// is another's by now, as the lease ran out; then nothing is to be sent. When it returns
	// nil, that is as durable as configured.
	HoldKey(ctx context.Context, tenant TenantID, key, owner string, real time.Time) error
	// FinishKey stores the answer for KeyAge; DropKey forgets the key, unless it is another's
	// by now, so that the same request may be tried again.
	FinishKey(ctx context.Context, tenant TenantID, key string, answer []byte, real time.Time) error
	DropKey(ctx context.Context, tenant TenantID, key, owner string) error

	// Pace takes one slot of the channel's rate (messages per second, with
	// burst), shared by all replicas, and returns how long to wait before using
	// it. If that is longer than longest it takes none, so that what is refused
	// does not put off what comes after it. A slot that is farther off than anybody can
	// have taken, who waits LongestPace at most, is of a clock that was ahead, and does not count.
	Pace(ctx context.Context, channel ChannelID, perSecond float64, burst int, longest time.Duration, real time.Time) (time.Duration, error)

	// History returns the conversation's last messages, oldest first, within
	// HistoryMessages and HistoryAge of now.
	History(ctx context.Context, lead LeadID, channel ChannelID, now time.Time) ([]Entry, error)
}

// LongestPace is the longest that anybody waits for a slot of a channel's rate.
const LongestPace = time.Minute

// KeyAge is how long an idempotency key is remembered.
const KeyAge = 24 * time.Hour

// KeyState is where an idempotency key stands.
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
	Owner  string // of a key that is new: whose it is
}

// GuardSend asks for leave to send a message of an assistant.
type GuardSend struct {
	Tenant    TenantID
	Lead      LeadID
	Channel   ChannelID
	Assistant AssistantID
	// To is whom it is addressed to. With FreeForm the window must be his.
	To        providers.Contact
	FreeForm  bool
	Marketing bool
	Opaque    string    // the sender's biz_opaque_callback_data, to be given back in statuses
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
