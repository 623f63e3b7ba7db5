package followup

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

type (
	// TenantID and the others are the ids of the domain: UUIDs in canonical text
	// form, as types of their own so that they cannot be swapped in a call.
	TenantID string
	// AssistantID names an assistant of the operator's file.
	AssistantID string
	// ChannelID names a channel of the operator's file.
	ChannelID string
	// ConfigID names a follow-up config.
	ConfigID string
	// LeadID names a lead, RunID and AttemptID what belongs to it; see NewLeadID.
	LeadID string
	// RunID names a run.
	RunID string
	// AttemptID names one provider call.
	AttemptID string
)

// A lead id is random but for its last three bytes, which are zero. The ids of
// the lead's runs and attempts are the lead's id with those bytes counting from
// one. So everything about a lead is found from any id of its family, in one
// Redis slot, without an index: an attempt id that comes back in a status a
// week later leads straight to its lead.
const familyBytes = 3

// NewLeadID returns a fresh lead id: a version 8 UUID with 98 random bits.
func NewLeadID() LeadID {
	u := uuid.New()
	u[6] = u[6]&0x0f | 0x80
	clear(u[16-familyBytes:])
	return LeadID(u.String())
}

// AccountLead returns the stand-in under which a channel's account-level events
// are queued for its assistant. It is nobody's lead and appears in no list.
func AccountLead(c ChannelID) LeadID {
	u := uuid.NewSHA1(uuid.NameSpaceOID, []byte("wagate account "+string(c)))
	u[6] = u[6]&0x0f | 0x80
	clear(u[16-familyBytes:])
	return LeadID(u.String())
}

// ErrBadID says that a text is not an id of the kind asked for.
var ErrBadID = errors.New("followup: not an id")

// ParseLeadID checks that s is a lead id in canonical form.
func ParseLeadID(s string) (LeadID, error) {
	u, err := parseCanonical(s)
	if err != nil || sequence(u) != 0 {
		return "", ErrBadID
	}
	return LeadID(s), nil
}

// ParseRunID checks that s is a run id in canonical form.
func ParseRunID(s string) (RunID, error) {
	u, err := parseCanonical(s)
	if err != nil || sequence(u) == 0 {
		return "", ErrBadID
	}
	return RunID(s), nil
}

// Run returns the id of the lead's n-th run, n counting from 1.
func (l LeadID) Run(n int) RunID { return RunID(l.member(n)) }

// Attempt returns the id of the n-th provider call for the lead, n counting from 1.
func (l LeadID) Attempt(n int) AttemptID { return AttemptID(l.member(n)) }

// Lead returns the lead whose run this is.
func (r RunID) Lead() LeadID { return leadOf(string(r)) }

// Lead returns the lead for whom the provider call was made.
func (a AttemptID) Lead() LeadID { return leadOf(string(a)) }

// N returns the run's number within its lead, 0 if the id is malformed.
func (r RunID) N() int { return numberOf(string(r)) }

// opaquePrefix marks biz_opaque_callback_data as ours; wg1 is its format.
const opaquePrefix = "wg1."

// Opaque returns what travels with the message as biz_opaque_callback_data.
// The partition is for whoever reads provider logs; the id alone suffices.
func (a AttemptID) Opaque(partition int) string {
	return opaquePrefix + strconv.Itoa(partition) + "." + string(a)
}

// ParseOpaque returns the attempt that a status' biz_opaque_callback_data
// names, and false if it is not ours.
func ParseOpaque(s string) (AttemptID, bool) {
	rest, ok := strings.CutPrefix(s, opaquePrefix)
	if !ok {
		return "", false
	}
	_, id, ok := strings.Cut(rest, ".")
	if !ok {
		return "", false
	}
	u, err := parseCanonical(id)
	if err != nil || sequence(u) == 0 {
		return "", false
	}
	return AttemptID(id), true
}

func (l LeadID) member(n int) string {
	u, err := uuid.Parse(string(l))
	if err != nil {
		return ""
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(n)) //nolint:gosec // bounded by MaxFamily
	copy(u[16-familyBytes:], b[4-familyBytes:])
	return u.String()
}

func leadOf(s string) LeadID {
	u, err := uuid.Parse(s)
	if err != nil {
		return ""
	}
	clear(u[16-familyBytes:])
	return LeadID(u.String())
}

func numberOf(s string) int {
	u, err := uuid.Parse(s)
	if err != nil {
		return 0
	}
	return sequence(u)
}

func sequence(u uuid.UUID) int { return int(u[13])<<16 | int(u[14])<<8 | int(u[15]) }

// parseCanonical accepts the 36-character lower-case form only, so that one
// thing has one spelling in keys and caches.
func parseCanonical(s string) (uuid.UUID, error) {
	u, err := uuid.Parse(s)
	if err != nil || u.String() != s {
		return uuid.UUID{}, ErrBadID
	}
	return u, nil
}
