package writer

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/publicsuffix"

	"wagate/followup"
)

// link matches what may be a link in lower-case text, by its scheme or by its dots. email matches
// an e-mail address, which is not a link.
var (
	link  = regexp.MustCompile(`https?://\S+|www\.\S+|(?:[\pL\d-]+\.)+[\pL\d-]+(?:[/?#:]\S*)?`)
	email = regexp.MustCompile(`[\pL\d.+-]+@(?:[\pL\d-]+\.)+[\pL\d-]+`)
)

// hasForeignLink reports whether a text has a link that the business has not given: the model
// invented it, or the lead got it in. The business gives links in its name, the instructions, the
// task, the lead's company and custom fields (only the business sets those), and in its earlier
// messages. A link in the lead's own name is not given, even if the task contains the name. An
// e-mail address is no link.
func hasForeignLink(text string, b followup.Brief) bool {
	said := strings.FieldsFunc(strings.Map(dropInvisible, strings.ToLower(text)), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("<>\"`“”«»", r) })
	var given func(address string) bool
	for _, word := range said {
		if !strings.Contains(word, "://") {
			word = email.ReplaceAllString(word, " ")
		}
		for _, found := range link.FindAllString(word, -1) {
			if given == nil {
				given = givenByBusiness(b)
			}
			if a := address(found); a != "" && !given(a) {
				return true
			}
		}
	}
	return false
}

// dropInvisible drops invisible format characters. They would hide a link from the check, but not
// from the reader.
func dropInvisible(r rune) rune {
	if unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}

// containsAddress reports whether an address occurs in a text other than as part of a longer name.
func containsAddress(text, address string) bool {
	for {
		before, after, found := strings.Cut(text, address)
		if !found {
			return false
		}
		if !nameBefore.MatchString(strings.TrimSuffix(before, "www.")) && !nameAfter.MatchString(after) {
			return true
		}
		text = after
	}
}

// nameBefore and nameAfter match the text before and behind an address if the address is only part
// of a longer name.
var (
	nameBefore = regexp.MustCompile(`[\pL\d.-]$`)
	nameAfter  = regexp.MustCompile(`^[._]?[\pL\d-]`)
)

// address reduces a link to the part that decides where it leads: without scheme, "www." and
// trailing punctuation. It is empty if the link leads nowhere.
func address(link string) string {
	scheme, rest, _ := strings.Cut(link, "://")
	switch {
	case scheme == "http", scheme == "https":
	case strings.HasPrefix(link, "www."):
		rest = link
	default:
		rest = site(link)
	}
	return strings.TrimRightFunc(strings.TrimPrefix(rest, "www."), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// site returns the part of dotted words that WhatsApp would make a link of: the longest beginning
// that ends like a host name. It is empty if there is none, for the dot may only separate two
// sentences.
func site(words string) string {
	host, path := words, ""
	if i := strings.IndexAny(words, "/?#:"); i >= 0 {
		host, path = words[:i], words[i:]
	}
	for host != "" {
		suffix, listed := publicsuffix.PublicSuffix(host)
		if listed && suffix != host || !listed && strings.Contains(suffix, ".") {
			return host + path
		}
		host, path = host[:max(0, strings.LastIndexAny(host, ".-"))], ""
	}
	return ""
}

// givenByBusiness returns a function that reports whether the business gave an address.
func givenByBusiness(b followup.Brief) func(address string) bool {
	said, task, name := strings.ToLower(businessText(b)), strings.ToLower(b.Prompt), strings.ToLower(b.Lead.Name)
	return func(address string) bool {
		return containsAddress(said, address) || containsAddress(task, address) && !containsAddress(name, address)
	}
}

// businessText joins everything the business told the model apart from the task.
func businessText(b followup.Brief) string {
	said := []string{b.Company, b.Instructions, b.Lead.Company}
	for _, v := range b.Lead.CustomFields {
		said = append(said, fmt.Sprint(v))
	}
	for _, e := range b.History {
		if e.From == followup.FromBusiness {
			said = append(said, e.Text)
		}
	}
	return strings.Join(said, "\n")
}
