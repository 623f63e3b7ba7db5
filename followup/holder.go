package followup

// Hold says how a contact, named by a phone and a user id, relates to the phone's holder: the lead
// that the phone leads to. The user id does not lead to the holder.
type Hold int

// The values of Hold.
const (
	// HeldBySame: nothing speaks against the contact and the holder being one person.
	HeldBySame Hold = iota
	// GivenUp: the holder has another phone, and the phone has another user.
	GivenUp
	// HeldByAnother: the phone is the holder's, and the user id is another lead's or one that the
	// contact had before. So the two do not name one contact at present.
	HeldByAnother
)

// HoldOf returns what the holder of a phone is to a contact named by the phone and a user id.
//
// A user id belongs to one person for good and changes only with that person's phone. The phone may
// be a stranger's some months later (Meta's rule). So a contact with the phone and a user id other
// than the holder's is a stranger once the holder has another phone. Until then, the contact is taken
// for the holder: a user id is valid within one business portfolio, a tenant may have channels of
// several portfolios, and Meta sends a notice when a number changes.
//
// Other is the lead that is known to be meant, or else the lead that the user id leads to; nil if
// there is none. Had says that the phone is one that the contact had before, or one that a message
// was sent to, rather than the one the contact speaks from. If user is empty, the user id of other is
// taken.
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
