package followup

import "strings"

// WhatsApp knows some phones by two spellings, both of which reach the same person. Which of the two
// an account has depends on when and where it was created, and a provider may answer with the spelling
// that it was not asked for.
//
//	Brazil  55 AA 9 NNNN NNNN  and  55 AA NNNN NNNN    the ninth digit of mobiles
//	Mexico  52 NN NNNN NNNN    and  521 NN NNNN NNNN   the 1 abolished in 2019
//
// In Brazil, eight digits that begin with 2 to 5 are a landline. A landline has no ninth digit; a mobile
// with a 9 before the same eight digits is another person's.

// CanonicalPhone returns the one form that stands for a phone (digits with country code) in all its
// spellings. Phones are compared in this form but never shown in it: messages go to the spelling last
// heard from WhatsApp.
func CanonicalPhone(phone string) string {
	canonical, _ := spellings(phone)
	return canonical
}

// PhoneTwin returns the other spelling of a phone, or "" if it has only one.
func PhoneTwin(phone string) string {
	canonical, other := spellings(phone)
	if phone == canonical {
		return other
	}
	return canonical
}

// SamePhone reports whether two phones are equal, apart from spelling.
func SamePhone(a, b string) bool { return CanonicalPhone(a) == CanonicalPhone(b) }

// The lengths of a number with country code in its shorter and longer spelling. They happen to be the
// same in both countries.
const (
	shortSpelling = 12
	longSpelling  = 13
)

// spellings returns a phone's canonical form and its other spelling; other is "" if it has only one.
func spellings(phone string) (canonical, other string) {
	if strings.Trim(phone, "0123456789") != "" {
		return phone, ""
	}
	switch n := len(phone); {
	case n == longSpelling && brazilian(phone) && phone[4] == '9' && !landline(phone[5:]):
		return phone, phone[:4] + phone[5:]
	case n == shortSpelling && brazilian(phone) && !landline(phone[4:]):
		return phone[:4] + "9" + phone[4:], phone
	case n == longSpelling && strings.HasPrefix(phone, "521") && mexican(phone[3:]):
		return "52" + phone[3:], phone
	case n == shortSpelling && strings.HasPrefix(phone, "52") && mexican(phone[2:]):
		return phone, "521" + phone[2:]
	}
	return phone, ""
}

// brazilian reports whether a phone begins with the code of Brazil and an area code, neither of whose
// two digits is 0.
func brazilian(phone string) bool {
	return strings.HasPrefix(phone, "55") && phone[2] != '0' && phone[3] != '0'
}

// landline reports whether eight Brazilian digits are a landline number.
func landline(digits string) bool { return digits[0] >= '2' && digits[0] <= '5' }

// mexican reports whether ten digits can be a Mexican number. No Mexican number begins with 0 or 1.
func mexican(digits string) bool { return digits[0] > '1' }
