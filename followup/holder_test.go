package followup

import "testing"

func TestI10HoldOf(t *testing.T) {
	t.Parallel()
	const phone, user = "5511912345678", "BR.1"
	twin := PhoneTwin(phone)
	lead := func(phone, user string) Lead { return Lead{Phone: phone, UserID: user} }
	none := Lead{}
	for _, c := range []struct {
		name          string
		holder, other Lead // no other: neither phone nor user id
		had           bool
		want          Hold
	}{
		{"of no user id that we know", lead("1", ""), lead("2", user), true, HeldBySame},
		{"of that user id", lead("1", user), none, false, HeldBySame},
		{"the user id of another portfolio", lead(phone, "BR.2"), none, false, HeldBySame},
		{"that, in a notice", lead(phone, "BR.2"), none, true, HeldBySame},
		{"that, known without a phone", lead(phone, "BR.2"), lead("", user), false, HeldBySame},
		{"that, in the other spelling", lead(twin, "BR.2"), lead(twin, user), false, HeldBySame},

		{"he has another phone", lead("1", "BR.2"), none, false, GivenUp},
		{"he has none that was told", lead("", "BR.2"), none, false, GivenUp},
		{"another was known already", lead("1", "BR.2"), lead("", user), false, GivenUp},
		{"another had it", lead("1", "BR.2"), lead("", user), true, GivenUp},

		{"the other has another phone", lead(phone, "BR.2"), lead("1", user), false, HeldByAnother},
		{"the other has another user id", lead(phone, "BR.2"), lead("", "BR.3"), false, HeldByAnother},
		{"the other had it", lead(phone, "BR.2"), lead("", user), true, HeldByAnother},
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

func TestI10HoldOfAPhoneAlone(t *testing.T) {
	t.Parallel()
	const phone = "5511912345678"
	for _, c := range []struct {
		name          string
		holder, other Lead
		want          Hold
	}{
		{"the other's user id is not known", Lead{Phone: phone, UserID: "BR.2"}, Lead{Phone: "1"}, HeldBySame},
		{"the holder's is not", Lead{Phone: phone}, Lead{Phone: "1", UserID: "BR.1"}, HeldBySame},
		{"they have the same", Lead{Phone: phone, UserID: "BR.1"}, Lead{UserID: "BR.1"}, HeldBySame},
		{"they have two", Lead{Phone: phone, UserID: "BR.2"}, Lead{Phone: "1", UserID: "BR.1"}, HeldByAnother},
		{"two, and the holder has another phone", Lead{Phone: "2", UserID: "BR.2"}, Lead{Phone: "1", UserID: "BR.1"}, GivenUp},
	} {
		if got := HoldOf(phone, "", c.holder, &c.other, true); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}
