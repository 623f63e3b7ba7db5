package followup

import (
	"testing"
	"time"

	"wagate/providers"
)

// TestSameNumber checks that sameNumber accepts a number that is dialled in another form than
// WhatsApp writes it, in either order, and no other number.
func TestSameNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what string
		a, b string
		want bool
	}{
		{"Argentina's 9", "541123456789", "5491123456789", true},
		{"Argentina's 15", "541123456789", "54111523456789", true},
		{"Brazil's ninth digit", "551187654321", "5511987654321", true},
		{"Mexico's 1", "525512345678", "5215512345678", true},
		{"a trunk zero", "491701234567", "4901701234567", true},
		{"the same", "491701234567", "491701234567", true},
		{"another digit", "491701234567", "491701234568", false},
		{"another area", "551187654321", "5521987654321", false},
		{"another country", "12025550123", "442025550123", false},
		{"an extra digit at the end", "491701234567", "4917012345670", false},
		{"an extra digit among the last eight", "491701234567", "4917012345567", false},
		{"three extra digits", "541123456789", "549991123456789", false},
		{"too short to tell", "4912345", "49912345", false},
		{"both empty", "", "", false},
		{"one empty", "491701234567", "", false},
	} {
		if got := sameNumber(c.a, c.b); got != c.want {
			t.Errorf("%s: %s and %s: got %v, want %v", c.what, c.a, c.b, got, c.want)
		}
		if got := sameNumber(c.b, c.a); got != c.want {
			t.Errorf("%s, the other way round: got %v, want %v", c.what, got, c.want)
		}
	}
}

// TestAddressee checks that the record's user id stands for the record's phone, and whatever else is
// named for itself.
func TestAddressee(t *testing.T) {
	t.Parallel()
	type contact = providers.Contact
	const on, other = ChannelID("on"), ChannelID("other")
	const phone, user = "5599000000021", "BR.77a"
	both, alone := contact{Phone: phone, UserID: user}, contact{UserID: user}
	opened := func(by contact) Conversation { return Conversation{LastInbound: time.UnixMilli(1), OpenedBy: by} }
	for _, c := range []struct {
		what   string
		record contact
		window Conversation // of the channel
		named  contact
		want   contact
	}{
		{"the user id", both, Conversation{}, alone, both},
		{"the user id, and whom the record names wrote", both, opened(contact{}), alone, both},
		{"the user id, and the phone wrote", both, opened(contact{Phone: phone}), alone, both},
		{"the user id, and it wrote before the record had a phone", both, opened(alone), alone, alone},
		{"the user id, and it wrote from another phone", both, opened(contact{Phone: "5599000000031", UserID: user}), alone, alone},
		{"the user id, and another phone wrote", both, opened(contact{Phone: "5599000000031"}), alone, both},
		{"the user id, and another user id wrote", both, opened(contact{Phone: phone, UserID: "US.1b"}), alone, both},
		{"the user id of a record without a phone", alone, opened(contact{}), alone, alone},
		{"another user id", both, opened(contact{}), contact{UserID: "US.1b"}, contact{UserID: "US.1b"}},
		{"a user id where the record has none", contact{Phone: phone}, Conversation{}, alone, alone},
		{"the phone", both, opened(contact{}), contact{Phone: phone}, contact{Phone: phone}},
		{"another phone", both, opened(contact{}), contact{Phone: "5599000000031"}, contact{Phone: "5599000000031"}},
	} {
		l := Lead{Phone: c.record.Phone, UserID: c.record.UserID, Windows: map[ChannelID]Conversation{
			on: c.window, other: opened(contact{Phone: "5599000000099", UserID: user}),
		}}
		if got := l.Addressee(on, c.named); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.what, got, c.want)
		}
	}
}
