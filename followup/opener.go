package followup

import (
	"time"

	"wagate/followup/window"
	"wagate/providers"
)

// A window is open only to the number that wrote last. If a lead's record is given another phone, or
// another number leads to the lead, WhatsApp knows of no window for that number. So a window keeps the
// contact who opened it (Conversation.OpenedBy), unless that is the contact that the record names. A
// user id that leads to the lead and comes without a phone is assumed to have the phone on record.

// sameNumber reports whether two phones of one lead are spellings of the same number. A caller need
// not spell a number as WhatsApp does, and WhatsApp reveals its own spelling only in an answer
// (Argentina's 9, a trunk zero, the spellings of CanonicalPhone). Two spellings count as the same
// number if the longer one has one or two digits inserted, after at least the first two digits and
// before at least the last eight. This rule is too lax to decide which lead a phone belongs to.
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

// OpenerOf returns the OpenedBy of a window that contact c opens: zero if c is the contact that the
// record names. A phone that WhatsApp did not give is taken from the record. A contact with a phone
// other than the record's keeps the user id that WhatsApp gave, even if that is empty.
func (l Lead) OpenerOf(c providers.Contact) providers.Contact {
	switch {
	case c.Phone != "" && !sameNumber(c.Phone, l.Phone):
		return providers.Contact{Phone: c.Phone, UserID: c.UserID}
	case c.UserID != "" && c.UserID != l.UserID:
		return providers.Contact{Phone: l.Phone, UserID: c.UserID}
	}
	return providers.Contact{}
}

// Of returns the lead's window w with OpenedBy filled in: if it is empty and the window was ever
// opened, it becomes the phone and user id of l. So the window can be kept by a record with another
// phone or user id.
func (w Conversation) Of(l Lead) Conversation {
	if w.OpenedBy.IsZero() && !w.LastInbound.IsZero() {
		w.OpenedBy = providers.Contact{Phone: l.Phone, UserID: l.UserID}
	}
	return w
}

// Renamed returns the window as it is to be kept when the record before is given this phone and user
// id. OpenedBy is filled in as by Of. If only the opener's phone or only the user id is known, and the
// record has that same value before and after, the other is filled in from the record before.
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

// Addressee returns whom a message to the contact named, one of the lead's phones or user ids, is
// addressed to on the channel. A phone stands for itself. The record's user id stands for the contact
// that the record names, so that its phone is used if there is one, as for a follow-up step. Any other
// user id stands for itself: the record's phone need not be that user's. Nor need it be if the
// channel's window was opened by the record's user id with another phone, or before the record had
// one: a phone that was added since never wrote.
func (l Lead) Addressee(c ChannelID, named providers.Contact) providers.Contact {
	record, by := l.Contact(), l.Windows[c].OpenedBy
	switch {
	case named.Phone != "" || named.UserID != l.UserID:
		return named
	case by == named || l.Opened(c, named) && !l.Opened(c, record):
		return named
	}
	return record
}

// WindowOpen reports whether free-form messages may be sent on the channel now to the phone and user
// id of the lead's record.
func (l Lead) WindowOpen(c ChannelID, now time.Time) bool { return l.WindowOpenTo(c, l.Contact(), now) }

// WindowOpenTo reports whether free-form messages may be sent on the channel now to the contact, one
// of the lead's phones or user ids. If the contact has both, the phone decides.
func (l Lead) WindowOpenTo(c ChannelID, to providers.Contact, now time.Time) bool {
	w := l.Windows[c]
	return window.Open(w.LastInbound, now, w.Refused) && l.Opened(c, to)
}

// Opened reports whether the channel's window was opened by the contact who, by phone if it has one,
// else by user id. It does not look at whether the window is open now.
func (l Lead) Opened(c ChannelID, who providers.Contact) bool {
	by := l.Windows[c].Of(l).OpenedBy
	// What the opener did not give is the record's, as long as the record names the opener.
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
