package followup

// Hold says what the lead that a phone leads to is to a contact who is named by that
// phone and a user id that does not lead there.
type Hold int

// What there is to say.
const (
	// HeldBySame: nothing speaks against their being one person.
	HeldBySame Hold = iota
	// GivenUp: the lead has another phone now, and the phone another user.
	GivenUp
	// HeldByAnother: the phone is the lead's, and the user id another's, or one that he
	// had; so the two are not said of now.
	HeldByAnother
)

// HoldOf decides that. A user id is of one person for good, and it changes only with
// his phone, which may be a stranger's some months later (Meta's rule). So who
// comes with the phone and another user id than the lead's is a stranger once
// the lead has another phone. As long as it has not, he is taken for the same: a user
// id is one business portfolio's, a tenant may have channels of several, and of a
// change of number Meta sends a notice.
//
// Other is the lead that is known to be meant, or else the one that the user id leads
// to; nil if there is none. Had says that the phone is one that he had, or that a message
// was sent to: not where he speaks from. Where no user id came with it, it is other's.
func HoldOf(phone, user string, holder Lead, other *Lead, had bool) Hold {
	if user == "" && other != nil {
		user = other.UserID
	}
	switch {
	case user == "", holder.UserID == "", holder.UserID == user:
		return HeldBySame
	case !SamePhone(holder.Phone, phone):
		return GivenUp
	case other == nil:
		return HeldBySame
	case had, other.UserID != "" && other.UserID != user, other.Phone != "" && !SamePhone(other.Phone, phone):
		return HeldByAnother
	}
	return HeldBySame
}
