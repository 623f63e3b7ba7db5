package followup

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Facts are what variables stand for.
type Facts struct {
	Lead Lead
	// Company is {{COMPANY_NAME}}: the tenant's name. Everything about the lead
	// is called LEAD_…, so the company without that prefix is the one who writes.
	Company string
}

// fieldPrefix begins the variables of the lead's custom fields.
const fieldPrefix = "LEAD_FIELD_"

// maxVariable bounds the key of a custom field, in bytes.
const maxVariable = 200

// Expand fills in the variables of a text: {{LEAD_NAME}}, {{LEAD_FIRSTNAME}}
// (its first word), {{LEAD_NUMBER}} (digits with country code), {{COMPANY_NAME}}
// and {{LEAD_FIELD_<KEY>}}, a custom field whose key is compared without regard
// to case. Behind a bar stands what to say instead of an empty value:
// {{LEAD_FIRSTNAME|there}}, in which no { may stand; a value of which nothing can be seen is
// empty, a default is what it is. Names of variables are upper case, without spaces.
//
// Values are put in as they are, but in one line; what looks like a variable
// inside a value is left alone. Empty is true if a value was empty and had no
// default. That keeps a template parameter from being sent; a prompt is used
// all the same, see ExpandPrompt.
func Expand(text string, f Facts) (out string, empty bool) {
	return expand(text, f, func(_, _, value, _ string) string { return value })
}

// expand fills in the variables; put words a value that is there, between what was said
// before and what is to be filled in behind.
func expand(text string, f Facts, put func(before, name, value, behind string) string) (out string, empty bool) {
	var b strings.Builder
	for {
		before, name, fallback, rest, found := cutVariable(text)
		b.WriteString(before)
		if !found {
			return b.String(), empty
		}
		if value := oneLine(f.value(name)); !blank(value) {
			b.WriteString(put(b.String(), name, value, rest))
		} else {
			value = oneLine(fallback)
			empty = empty || value == ""
			b.WriteString(value)
		}
		text = rest
	}
}

// ExpandParams fills in a template's parameters. Empty is true if one of them,
// or a variable within one, is empty: such a template is not sent.
func ExpandParams(params []string, f Facts) (out []string, empty bool) {
	for _, p := range params {
		text, missing := Expand(p, f)
		empty = empty || missing || strings.TrimSpace(text) == ""
		out = append(out, text)
	}
	return out, empty
}

// checkVariables returns what is wrong with the variables of a text, or "".
func checkVariables(text string) string {
	for {
		_, name, fallback, rest, found := cutVariable(text)
		if !found {
			break
		}
		if !knownVariable(name) {
			return fmt.Sprintf("has the unknown variable {{%s}}; known are {{LEAD_NAME}}, {{LEAD_FIRSTNAME}}, "+
				"{{LEAD_NUMBER}}, {{COMPANY_NAME}} and {{LEAD_FIELD_<KEY>}}", shorten(name))
		}
		if strings.Contains(fallback, "{") { // it would be said as it stands
			return fmt.Sprintf("has { in the default of {{%s|…}}", shorten(name))
		}
		text = rest
	}
	if strings.Contains(text, "{{") {
		return "has {{ without }}"
	}
	return ""
}

// cutVariable cuts a text around its first {{name|fallback}}.
func cutVariable(text string) (before, name, fallback, rest string, found bool) {
	before, rest, found = strings.Cut(text, "{{")
	if !found {
		return text, "", "", "", false
	}
	inside, rest, found := strings.Cut(rest, "}}")
	if !found {
		return text, "", "", "", false
	}
	name, fallback, _ = strings.Cut(inside, "|")
	return before, name, fallback, rest, true
}

func knownVariable(name string) bool {
	switch name {
	case "LEAD_NAME", "LEAD_FIRSTNAME", "LEAD_NUMBER", "COMPANY_NAME":
		return true
	}
	key, ok := strings.CutPrefix(name, fieldPrefix)
	return ok && strings.TrimSpace(key) != "" && len(key) <= maxVariable && !strings.ContainsAny(key, "{}\n\r\t")
}

func (f Facts) value(name string) string {
	switch name {
	case "LEAD_NAME":
		return f.Lead.Name
	case "LEAD_FIRSTNAME":
		words := slices.DeleteFunc(strings.Fields(f.Lead.Name), blank)
		if len(words) == 0 {
			return ""
		}
		return words[0]
	case "LEAD_NUMBER":
		return f.Lead.Phone
	case "COMPANY_NAME":
		return f.Company
	}
	if key, ok := strings.CutPrefix(name, fieldPrefix); ok {
		return fieldText(field(f.Lead.CustomFields, key))
	}
	return ""
}

// field finds a custom field: the exact key, else the first in order that
// differs in case only, so that the answer is always the same.
func field(fields map[string]any, key string) any {
	if v, ok := fields[key]; ok {
		return v
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if strings.EqualFold(k, key) {
			return fields[k]
		}
	}
	return nil
}

// fieldText writes a JSON value in words: lists with commas; objects, which
// have no wording, are empty.
func fieldText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), "eE") {
			return fieldText(f)
		}
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		var words []string
		for _, e := range v {
			if text := fieldText(e); text != "" {
				words = append(words, text)
			}
		}
		return strings.Join(words, ", ")
	}
	return ""
}

// blank reports whether nothing of a text can be seen: WhatsApp takes a profile name that
// is a letter without a shape (U+3164), or marks of direction.
func blank(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) &&
			!unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) && r != '\u2800' // braille without a dot
	})
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// shorten keeps a name that is quoted in a problem readable.
func shorten(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
