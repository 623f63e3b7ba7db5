package writer

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/publicsuffix"

	"wagate/followup"
)

// link matches what may be a link, in lower case: by its scheme, or by its dots. Email is an
// address that is none.
var (
	link  = regexp.MustCompile(`https?://\S+|www\.\S+|(?:[\pL\d-]+\.)+[\pL\d-]+(?:[/?#:]\S*)?`)
	email = regexp.MustCompile(`[\pL\d.+-]+@(?:[\pL\d-]+\.)+[\pL\d-]+`)
)

// strays reports whether a text has a link that the business has not given: the model made
// it up, or the lead had it put in. Given is what stands in the instructions, the task and the
// lead's fields and company, which the business alone tells us, and what it said before; not what
// the lead calls himself, if the task names him. An e-mail's address is no link.
func strays(text string, b followup.Brief) bool {
	said := strings.FieldsFunc(strings.Map(seen, strings.ToLower(text)), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("<>\"`“”«»", r) })
	var given func(address string) bool
	for _, word := range said {
		if !strings.Contains(word, "://") {
			word = email.ReplaceAllString(word, " ")
		}
		for _, found := range link.FindAllString(word, -1) {
			if given == nil {
				given = theBusinessGave(b)
			}
			if a := address(found); a != "" && !given(a) {
				return true
			}
		}
	}
	return false
}

// seen leaves out what cannot be seen in a text, and would tear a link apart for us alone.
func seen(r rune) rune {
	if unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}

// gives reports whether an address stands in a text, and not as a part of another's name.
func gives(text, address string) bool {
	for {
		before, after, found := strings.Cut(text, address)
		if !found {
			return false
		}
		if !inName.MatchString(strings.TrimSuffix(before, "www.")) && !goesOn.MatchString(after) {
			return true
		}
		text = after
	}
}

// What makes of an address a part of another's name: how the text before it ends, and how
// the one behind it begins.
var (
	inName = regexp.MustCompile(`[\pL\d.-]$`)
	goesOn = regexp.MustCompile(`^[._]?[\pL\d-]`)
)

// address is a link without what does not matter to where it leads; empty if it leads nowhere.
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

// site is what WhatsApp makes a link of in words with dots between, which may be but the end
// of a sentence and the beginning of the next: as much as ends like a host's name.
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

// theBusinessGave returns who tells whether the business gave an address.
func theBusinessGave(b followup.Brief) func(address string) bool {
	said, task, name := strings.ToLower(theBusinessSaid(b)), strings.ToLower(b.Prompt), strings.ToLower(b.Lead.Name)
	return func(address string) bool {
		return gives(said, address) || gives(task, address) && !gives(name, address)
	}
}

// theBusinessSaid is all that the model was told by the business beside its task.
func theBusinessSaid(b followup.Brief) string {
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
