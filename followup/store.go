package followup

import "errors"

// Errors of the store. Everything else it returns means that the store could
// not be reached or did not promise what it was asked to (durability): nothing
// may be acknowledged and nothing sent.
var (
	ErrNotFound = errors.New("followup: not found")
	ErrExists   = errors.New("followup: already exists")
	// ErrConflict: the record changed since it was read; read it again.
	ErrConflict = errors.New("followup: changed meanwhile")
	// ErrLeadMoved: the lead was merged into another or erased since it was
	// resolved; resolve again.
	ErrLeadMoved = errors.New("followup: lead moved")
	// ErrStale: the token is not the one of the current claim; the work belongs
	// to somebody else or to nobody.
	ErrStale = errors.New("followup: stale token")
	// ErrUnreadable: it is there, but what is stored of it cannot be read.
	ErrUnreadable = errors.New("followup: cannot be read")
	// ErrBacklog: too much waits for an assistant already; settle again later.
	ErrBacklog = errors.New("followup: too much waits for the assistant")
	// ErrNewer: a newer version of this program wrote it in a form that this one would misread.
	// It was left alone, and who asks again may meet a replica that can read it.
	ErrNewer = errors.New("followup: written by a newer version of this program")
	// ErrNotDurable: written, but not as durably as configured.
	ErrNotDurable = errors.New("followup: not as durable as configured")
)

// Store is the contract between the engine and Redis. It is implemented on
// Redis (package redisstore) and, as the reference, in memory (memstore);
// storetest checks every MUST below on both.
//
// Every method MUST be atomic as seen by every other method on the same lead,
// MUST give the same result when the same call is repeated after an error of
// transport (the client retries), and MUST copy what it keeps of its arguments.
//
// Runs that end by a call are in its result where that has a place for them; of
// all others (by a merge, a change of the record, an erasure, another step's result)
// the implementation tells a function it was given, so that they are counted.
//
// Two clocks appear: domain time (`now`, due, window) and real time (`real`,
// leases, relay); both are arguments. Times are kept in milliseconds.
type Store interface {
	LeadStore
	SettleStore
	RunStore
	StepStore
	SendStore
	ConfigStore
	ControlStore
	RelayStore
	MessageStore
	TemplateStore
}
