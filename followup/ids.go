package followup

import (
	"cmp"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

type (
	// TenantID names a tenant of the operator's file. Like the other ids of the domain it is a UUID in
	// canonical text form, with a type of its own so that ids cannot be swapped in a call.
	TenantID string
	// AssistantID names an assistant of the operator's file.
	AssistantID string
	// ChannelID names a channel of the operator's file.
	ChannelID string
	// ConfigID names a follow-up config.
	ConfigID string
	// LeadID names a lead, or a stand-in. The ids of its runs and attempts are derived from it.
	LeadID string
	// RunID names a run.
	RunID string
	// AttemptID names one provider call.
	AttemptID string
)

// A lead id is random except for its last three bytes, which are zero. The ids of the lead's runs and
// attempts are the lead id with those bytes counting up from one. So any id of the family leads to
// everything about the lead, in one Redis slot, without an index. For example, an attempt id that
// comes back in a status a week later leads straight to its lead.
const familyBytes = 3

// NewLeadID returns a new random lead id: a version 8 UUID with 98 random bits.
func NewLeadID() LeadID {
	u := uuid.New()
	u[6] = u[6]&0x0f | 0x80
	clear(u[16-familyBytes:])
	return LeadID(u.String())
}

// A stand-in takes the place of a lead for events that belong to no lead: they are queued under it for
// their assistant. It has a queue and first sights and nothing else, and appears in no list of leads.
// Its id is a version 5 UUID derived from what it stands for.
//
// There is one stand-in per conversation of such events, so that no request to an assistant mixes two
// conversations: one for each group that a channel is in, one for each contact who is not a lead and,
// for account-level events, one for each channel. A contact has one stand-in for all channels, as it
// would have one lead: a request holds events of one channel in any case, and code that creates or
// erases the lead finds the stand-in without knowing the channels.

// AccountLead returns the stand-in for a channel's account-level events.
func AccountLead(c ChannelID) LeadID { return standIn("account", string(c)) }

// GroupLead returns the stand-in for the events of a group that the channel is in.
func GroupLead(c ChannelID, group string) LeadID { return standIn("group", string(c), group) }

// ContactLead returns the stand-in for events of a tenant's contact who is not a lead. It is derived
// from the contact's phone (else its old phone), in any spelling, or, without a phone, from its user
// id (else its old user id).
func ContactLead(t TenantID, who Identity) LeadID {
	phone, user := cmp.Or(who.Phone, who.OldPhone), cmp.Or(who.UserID, who.OldUserID)
	if phone != "" {
		return standIn("phone", string(t), CanonicalPhone(phone))
	}
	return standIn("user", string(t), user)
}

func standIn(kind string, of ...string) LeadID {
	u := uuid.NewSHA1(uuid.NameSpaceOID, []byte("wagate "+kind+" "+strings.Join(of, " ")))
	clear(u[16-familyBytes:])
	return LeadID(u.String())
}

// StandIn reports whether the id is that of a stand-in.
func (l LeadID) StandIn() bool { return len(l) == 36 && l[14] == '5' }

// ErrBadID says that a text is not an id of the kind asked for.
var ErrBadID = errors.New("followup: not an id")

// CanonicalID returns a 36-character UUID in lower case, the form that ids have in this program; any
// other text is returned as it is. People write UUIDs in either case.
func CanonicalID(s string) string {
	if u, err := uuid.Parse(s); err == nil && len(s) == uuidText {
		return u.String()
	}
	return s
}

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

// Lead returns the lead that the run belongs to, or "" if the id is malformed.
func (r RunID) Lead() LeadID { return leadOf(string(r)) }

// Lead returns the lead for which the provider call was made, or "" if the id is malformed.
func (a AttemptID) Lead() LeadID { return leadOf(string(a)) }

// N returns the run's number within its lead, counting from 1; 0 if the id is malformed.
func (r RunID) N() int { return numberOf(string(r)) }

// opaquePrefix marks biz_opaque_callback_data as ours; wg1 is its format.
const opaquePrefix = "wg1."

// Opaque returns the biz_opaque_callback_data to send with the message. The partition is only for
// people who read provider logs; the id alone identifies the attempt.
func (a AttemptID) Opaque(partition int) string {
	return opaquePrefix + strconv.Itoa(partition) + "." + string(a)
}

// ParseOpaque returns the attempt that a status's biz_opaque_callback_data names, and false if the
// data is not from this program.
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
	binary.BigEndian.PutUint32(b[:], uint32(n)) //nolint:gosec // three bytes of it count, and no lead has that many
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

// parseCanonical accepts only the 36-character lower-case form, so that each id has one spelling in
// keys and caches.
func parseCanonical(s string) (uuid.UUID, error) {
	u, err := uuid.Parse(s)
	if err != nil || u.String() != s {
		return uuid.UUID{}, ErrBadID
	}
	return u, nil
}
