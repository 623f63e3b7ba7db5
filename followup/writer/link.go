package writer

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"wagate/followup"
)

// link matches what WhatsApp makes a link of, in lower case: by its scheme, or by how it ends.
var link = regexp.MustCompile(`https?://\S+|www\.\S+|(?:[\pL\d-]+\.)+(?:com|net|org|io|app|ly|me|gl|link|shop|store|site|online|info|biz|xyz|br|mx)(?:[/?#:]\S*|[^\pL\d]|$)`)

// strays reports whether a text has a link that the business has not given: the model made
// it up, or the lead had it put in. Given is what stands in the instructions, the task, the
// lead's fields and what the business said before. An e-mail's address is no link.
func strays(text string, b followup.Brief) bool {
	said := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" \n\t()<>\"'*_~`“”«»,;", r) })
	var given string
	for _, word := range said {
		if strings.Contains(word, "@") && !strings.Contains(word, "://") {
			continue
		}
		for _, found := range link.FindAllString(word, -1) {
			if given == "" {
				given = strings.ToLower(theBusinessSaid(b))
			}
			if a := address(found); a != "" && !gives(given, a) {
				return true
			}
		}
	}
	return false
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
	goesOn = regexp.MustCompile(`^\.?[\pL\d-]`)
)

// address is a link without what does not matter to where it leads.
func address(link string) string {
	_, rest, found := strings.Cut(link, "://")
	if !found {
		rest = link
	}
	return strings.TrimRightFunc(strings.TrimPrefix(rest, "www."), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// theBusinessSaid is all that the model was told by the business.
func theBusinessSaid(b followup.Brief) string {
	said := []string{b.Company, b.Instructions, b.Prompt}
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
