package followup

import "testing"

// Whatever is not known about the contact or the other lead does not speak against their being the
// holder.
func TestI10HoldOfUnknown(t *testing.T) {
	t.Parallel()
	const phone = "5511912345678"
	holder := Lead{Phone: phone, UserID: "BR.2"}
	for _, c := range []struct {
		name, user string
		other      *Lead
	}{
		{"no user id and no other lead", "", nil},
		{"other lead has no user id", "BR.1", &Lead{Phone: phone}},
		{"other lead has no identity", "BR.1", &Lead{}},
	} {
		if got := HoldOf(phone, c.user, holder, c.other, false); got != HeldBySame {
			t.Errorf("%s: got %d, want HeldBySame", c.name, got)
		}
	}
}
