package followup

import (
	"time"

	"wagate/followup/window"
	"wagate/providers"
)

// A window is open to the number that wrote, and to nobody else: where a lead's record is given
// another phone, or another number leads to him, WhatsApp knows of no window there. So a window says
// who opened it, unless that is whom the record names.

// OpenerOf returns what a window says of a contact who opens it: nobody, if that is whom the
// record names. What WhatsApp did not tell of him it has from the record, but for the user id of one with
// another phone.
func (l Lead) OpenerOf(c providers.Contact) providers.Contact {
	switch {
	case c.Phone != "" && !SamePhone(c.Phone, l.Phone):
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
	if by.UserID == "" && by.Phone == l.Phone {
		by.UserID = l.UserID
	}
	if who.Phone != "" {
		return SamePhone(by.Phone, who.Phone)
	}
	return who.UserID != "" && by.UserID == who.UserID
}
