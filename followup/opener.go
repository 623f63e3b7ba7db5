package followup

import (
	"time"

	"wagate/followup/window"
	"wagate/providers"
)

// A window is open to the number that wrote last, and to nobody else: where a lead's record is given
// another phone, or another number leads to him, WhatsApp knows of no window there. So a window says
// who opened it, unless that is whom the record names. A user id that comes without a phone, and leads to the lead,
// is believed to have the phone on record.

// sameNumber reports whether two phones of one lead are one in two spellings. Whoever dials a number
// need not spell it as WhatsApp does, which tells its own spelling only in an answer (Argentina's 9, a
// trunk zero, those of CanonicalPhone): one or two digits are put in somewhere behind the first two, and at
// least eight follow. As a rule for whose lead a phone is that would be too bold.
func sameNumber(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	more := len(b) - len(a)
	if a == b || more == 0 || more > 2 {
		return a == b && a != ""
	}
	for at := 2; at <= len(a)-8; at++ {
		if a[:at] == b[:at] && a[at:] == b[at+more:] {
			return true
		}
	}
	return false
}

// OpenerOf returns what a window says of a contact who opens it: nobody, if that is whom the
// record names. What WhatsApp did not tell of him it has from the record, but for the user id of one with
// another phone.
func (l Lead) OpenerOf(c providers.Contact) providers.Contact {
	switch {
	case c.Phone != "" && !sameNumber(c.Phone, l.Phone):
		return providers.Contact{Phone: c.Phone, UserID: c.UserID}
	case c.UserID != "" && c.UserID != l.UserID:
		return providers.Contact{Phone: l.Phone, UserID: c.UserID}
	}
	return providers.Contact{}
}

// Of returns a window of the lead's as it is to be kept by a record that names him otherwise.
func (w Conversation) Of(l Lead) Conversation {
	if w.OpenedBy.IsZero() && !w.LastInbound.IsZero() {
		w.OpenedBy = providers.Contact{Phone: l.Phone, UserID: l.UserID}
	}
	return w
}

// Renamed returns it as it is to be kept when the record is given another phone or user id: of who
// opened it that is told, too, which he did not tell himself, as long as what he told names him.
func (w Conversation) Renamed(before Lead, phone, user string) Conversation {
	w = w.Of(before)
	switch by := &w.OpenedBy; {
	case by.IsZero():
	case by.Phone == "" && by.UserID == before.UserID && by.UserID == user:
		by.Phone = before.Phone
	case by.UserID == "" && by.Phone == before.Phone && by.Phone == phone:
		by.UserID = before.UserID
	}
	return w
}

// WindowOpen reports whether free-form messages may be sent to the lead, as his record
// names him, on the channel now.
func (l Lead) WindowOpen(c ChannelID, now time.Time) bool { return l.WindowOpenTo(c, l.Contact(), now) }

// WindowOpenTo reports that of one of the lead's phones or user ids; of a contact with both, of the phone.
func (l Lead) WindowOpenTo(c ChannelID, to providers.Contact, now time.Time) bool {
	w := l.Windows[c]
	return window.Open(w.LastInbound, now, w.Refused) && l.Opened(c, to)
}

// Opened reports whether it was that contact who wrote last on the channel, as far as its window goes.
func (l Lead) Opened(c ChannelID, who providers.Contact) bool {
	by := l.Windows[c].Of(l).OpenedBy
	// What he did not tell is the record's, as long as that names him.
	if by.Phone == "" && by.UserID == l.UserID {
		by.Phone = l.Phone
	}
	if by.UserID == "" && sameNumber(by.Phone, l.Phone) {
		by.UserID = l.UserID
	}
	if who.Phone != "" {
		return sameNumber(by.Phone, who.Phone)
	}
	return who.UserID != "" && by.UserID == who.UserID
}
