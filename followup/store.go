package followup

import "errors"

// Errors of the store. Any other error it returns means that the store could not be reached or did
// not reach the durability it was asked for. After such an error nothing may be acknowledged and
// nothing sent.
var (
	ErrNotFound = errors.New("followup: not found")
	ErrExists   = errors.New("followup: already exists")
	// ErrConflict: the record changed since it was read. Read it again.
	ErrConflict = errors.New("followup: changed meanwhile")
	// ErrLeadMoved: the lead was merged into another or erased since it was resolved. Resolve again.
	ErrLeadMoved = errors.New("followup: lead moved")
	// ErrStale: the token is not that of the current claim. The work belongs to another worker or
	// to nobody.
	ErrStale = errors.New("followup: stale token")
	// ErrUnreadable: the record exists, but its stored form cannot be read.
	ErrUnreadable = errors.New("followup: cannot be read")
	// ErrBacklog: too many events already wait for the assistant. Settle again later.
	ErrBacklog = errors.New("followup: too much waits for the assistant")
	// ErrNewer: a newer version of this program wrote the record in a form that this version would
	// misread. The record was left alone. A caller that asks again may reach a replica that can
	// read it.
	ErrNewer = errors.New("followup: written by a newer version of this program")
	// ErrNotDurable: the data was written, but not as durably as configured.
	ErrNotDurable = errors.New("followup: not as durable as configured")
)

// Store is the contract between the engine and Redis. Package redisstore implements it on Redis;
// package memstore implements it in memory, as the reference. Package storetest checks every MUST
// below on both.
//
// Every method MUST be atomic as seen by every other method on the same lead, MUST give the same
// result when the same call is repeated after a transport error (the client retries), and MUST copy
// what it keeps of its arguments.
//
// A method whose result has a place for ended runs returns the runs that the call ended. All other
// runs that end (by a merge, a change of the record, an erasure, another step's result) are
// reported to a function that the implementation is given, so that they are counted.
//
// There are two clocks: domain time (`now`, due times, windows) and real time (`real`, leases,
// relay). Both are arguments. Times are kept in milliseconds.
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
