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

// A stand-in is what events that are no lead's are queued under for their
// assistant: nobody's lead, in no list, with a queue and first sights and nothing
// else. Its id is a version 5 UUID, made of what it stands for.
//
// There is one for each conversation that such events are of, so that no request to
// an assistant mixes two: of a group, of a contact who is no lead, and, for what
// concerns nobody, of the account. A contact's is not one for each channel, as a
// lead is not either: a request holds events of one channel in any case, and whoever
// founds or erases the lead finds it without knowing the channels there are.

// AccountLead returns the stand-in for a channel's account-level events.
func AccountLead(c ChannelID) LeadID { return standIn("account", string(c)) }

// GroupLead returns the stand-in for what is said in a group that a channel is in.
func GroupLead(c ChannelID, group string) LeadID { return standIn("group", string(c), group) }

// ContactLead returns the stand-in for events of a tenant's contact who is no
// lead, by the first of the identities that is set.
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

// CanonicalID returns a UUID as ids are written here, in lower case; any other text
// comes back as it is. People write UUIDs in either case.
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

// parseCanonical accepts the 36-character lower-case form only, so that one
// thing has one spelling in keys and caches.
func parseCanonical(s string) (uuid.UUID, error) {
	u, err := uuid.Parse(s)
	if err != nil || u.String() != s {
		return uuid.UUID{}, ErrBadID
	}
	return u, nil
}
