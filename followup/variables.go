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

// Facts holds the values that variables stand for.
type Facts struct {
	Lead Lead
	// Company is {{COMPANY_NAME}}: the tenant's name. All variables about the lead begin with LEAD_,
	// so the company without that prefix is the sender.
	Company string
}

// fieldPrefix is the prefix of the variables for the lead's custom fields.
const fieldPrefix = "LEAD_FIELD_"

// maxVariable bounds the key of a custom field, in bytes.
const maxVariable = 200

// Expand fills in the variables of a text: {{LEAD_NAME}}, {{LEAD_FIRSTNAME}} (the first word of the
// name), {{LEAD_NUMBER}} (digits with country code), {{COMPANY_NAME}} and {{LEAD_FIELD_<KEY>}}, a
// custom field whose key is compared case-insensitively. Names of variables are upper case, without
// spaces.
//
// A default after a bar replaces an empty value: {{LEAD_FIRSTNAME|there}}. It must not contain {. A
// value without any visible character counts as empty; a default is used as it is.
//
// Values are put in on one line, otherwise unchanged. Text in a value that looks like a variable is
// not expanded. Empty is true if a value was empty and had no default. A template with such a
// parameter is not sent; a prompt is used nevertheless (see ExpandPrompt).
func Expand(text string, f Facts) (out string, empty bool) {
	return expand(text, f, func(_, _, value, _ string) string { return value })
}

// expand fills in the variables of a text. For each value that is not empty it calls put with the
// expanded text before the variable, the variable's name, its value and the unexpanded text behind
// it, and inserts what put returns.
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

// ExpandParams fills in the variables of a template's parameters. Empty is true if a parameter, or a
// variable in one, is empty; then the template is not sent.
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
		if strings.Contains(fallback, "{") { // it would be sent as it is
			return fmt.Sprintf("has { in the default of {{%s|…}}", shorten(name))
		}
		text = rest
	}
	if strings.Contains(text, "{{") {
		return "has {{ without }}"
	}
	return ""
}

// cutVariable splits a text around its first {{name|fallback}}.
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

// field returns a custom field: the one with the exact key, else the first, in the order of keys, whose
// key differs only in case. The order makes the result deterministic.
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

// fieldText returns a JSON value as text: a list with commas between its elements; "" for an object,
// which has no sensible text.
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

// blank reports whether a text has no visible character. WhatsApp accepts a profile name that consists
// of an invisible letter (U+3164) or of direction marks.
func blank(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) &&
			!unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) && r != '\u2800' // the empty braille pattern
	})
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// shorten cuts a name that is quoted in a problem to 40 characters.
func shorten(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
