package followup

import "testing"

// HoldOf tells whether the lead that holds a phone is the contact that comes with it, for each
// combination of what the holder and the other lead are known by.
func TestI10HoldOf(t *testing.T) {
	t.Parallel()
	const phone, user = "5511912345678", "BR.1"
	twin := PhoneTwin(phone)
	lead := func(phone, user string) Lead { return Lead{Phone: phone, UserID: user} }
	none := Lead{}
	for _, c := range []struct {
		name          string
		holder, other Lead // a zero other stands for none
		had           bool
		want          Hold
	}{
		{"holder has no user id", lead("1", ""), lead("2", user), true, HeldBySame},
		{"holder has the same user id", lead("1", user), none, false, HeldBySame},
		{"holder has another user id (another portfolio's)", lead(phone, "BR.2"), none, false, HeldBySame},
		{"the same, in a notice", lead(phone, "BR.2"), none, true, HeldBySame},
		{"the same, other lead has the user id and no phone", lead(phone, "BR.2"), lead("", user), false, HeldBySame},
		{"the same, other lead has the other spelling", lead(twin, "BR.2"), lead(twin, user), false, HeldBySame},

		{"holder has another phone", lead("1", "BR.2"), none, false, GivenUp},
		{"holder's phone is not known", lead("", "BR.2"), none, false, GivenUp},
		{"holder has another phone, other lead has the user id", lead("1", "BR.2"), lead("", user), false, GivenUp},
		{"holder has another phone, other lead had this one", lead("1", "BR.2"), lead("", user), true, GivenUp},

		{"other lead has another phone", lead(phone, "BR.2"), lead("1", user), false, HeldByAnother},
		{"other lead has another user id", lead(phone, "BR.2"), lead("", "BR.3"), false, HeldByAnother},
		{"other lead had the phone", lead(phone, "BR.2"), lead("", user), true, HeldByAnother},
	} {
		var other *Lead
		if c.other.Phone != "" || c.other.UserID != "" {
			other = &c.other
		}
		if got := HoldOf(phone, user, c.holder, other, c.had); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

// For a phone without a user id, the other lead's user id counts.
func TestI10HoldOfWithoutUserID(t *testing.T) {
	t.Parallel()
	const phone = "5511912345678"
	for _, c := range []struct {
		name          string
		holder, other Lead
		want          Hold
	}{
		{"other lead has no user id", Lead{Phone: phone, UserID: "BR.2"}, Lead{Phone: "1"}, HeldBySame},
		{"holder has no user id", Lead{Phone: phone}, Lead{Phone: "1", UserID: "BR.1"}, HeldBySame},
		{"both have the same user id", Lead{Phone: phone, UserID: "BR.1"}, Lead{UserID: "BR.1"}, HeldBySame},
		{"different user ids", Lead{Phone: phone, UserID: "BR.2"}, Lead{Phone: "1", UserID: "BR.1"}, HeldByAnother},
		{"different user ids, holder has another phone", Lead{Phone: "2", UserID: "BR.2"}, Lead{Phone: "1", UserID: "BR.1"}, GivenUp},
	} {
		if got := HoldOf(phone, "", c.holder, &c.other, true); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}
