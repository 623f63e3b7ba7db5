package followup

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// facts is a lead with a custom field of every kind.
func facts() Facts {
	return Facts{Company: "Acme", Lead: Lead{
		Name: "Ana  Maria Souza", Phone: "5511900000001", Company: "Padaria Sol",
		CustomFields: map[string]any{
			"city": "Recife", "Plan": "gold", "plan": "silver", "n": json.Number("12"), "big": json.Number("12345678901234567"), "e": json.Number("1.5E3"), "f": 2.50, "yes": true, "none": nil, "blank": " \n",
			"list": []any{"a", nil, 3.0}, "object": map[string]any{"k": "v"}, "lines": "one\n two\tthree", "sly": "{{LEAD_NAME}}",
		},
	}}
}

// Expand replaces each variable by its value, in one line, or by its default, and tells whether one
// without a default was empty.
func TestExpand(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, want string
		empty      bool
	}{
		{"", "", false},
		{"Leavo", "Leavo", false},
		{"{{LEAD_NAME}}", "Ana Maria Souza", false},
		{"Oi {{LEAD_FIRSTNAME}}!", "Oi Ana!", false},
		{"{{LEAD_NUMBER}}/{{COMPANY_NAME}}", "5511900000001/Acme", false},
		{"{{LEAD_FIELD_CITY}} {{LEAD_FIELD_city}} {{LEAD_FIELD_CiTy}}", "Recife Recife Recife", false},
		{"{{LEAD_FIELD_plan}} {{LEAD_FIELD_Plan}} {{LEAD_FIELD_PLAN}}", "silver gold gold", false},
		{"{{LEAD_FIELD_N}} {{LEAD_FIELD_F}} {{LEAD_FIELD_YES}} {{LEAD_FIELD_LIST}}", "12 2.5 true a, 3", false},
		{"{{LEAD_FIELD_BIG}} {{LEAD_FIELD_E}}", "12345678901234567 1500", false},
		{"{{LEAD_FIELD_LINES}}", "one two three", false},
		{"{{LEAD_FIELD_SLY}}", "{{LEAD_NAME}}", false}, // a value is never expanded itself
		{"{{LEAD_FIELD_NONE}}", "", true},
		{"{{LEAD_FIELD_BLANK}}", "", true},
		{"{{LEAD_FIELD_OBJECT}}", "", true},
		{"{{LEAD_FIELD_ABSENT}}", "", true},
		{"Oi {{LEAD_FIELD_ABSENT}}, tudo bem?", "Oi , tudo bem?", true},
		{"Oi {{LEAD_FIELD_ABSENT|por aí}}", "Oi por aí", false},
		{"{{LEAD_FIRSTNAME|there}}", "Ana", false},
		{"{{LEAD_FIELD_ABSENT|}}", "", true},
		{"{{LEAD_FIELD_ABSENT| }}", "", true},
		{"{{LEAD_FIELD_ABSENT|a|b}}", "a|b", false},
		{"{{LEAD_NAME", "{{LEAD_NAME", false},
	}
	for _, tt := range tests {
		if got, empty := Expand(tt.text, facts()); got != tt.want || empty != tt.empty {
			t.Errorf("Expand(%q): got %q, %v, want %q, %v", tt.text, got, empty, tt.want, tt.empty)
		}
	}
}

// Without a lead and a company every variable is empty, and only a default helps.
func TestExpandNamelessLead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{{LEAD_NAME}}", "{{LEAD_FIRSTNAME}}", "{{LEAD_NUMBER}}", "{{COMPANY_NAME}}", "{{LEAD_FIELD_X}}"} {
		if _, empty := Expand(text, Facts{}); !empty {
			t.Errorf("Expand(%q) without a lead: got a value, want empty", text)
		}
	}
	if got, empty := Expand("{{LEAD_FIRSTNAME|there}}", Facts{}); got != "there" || empty {
		t.Errorf("default: got %q, %v, want there", got, empty)
	}
}

// A name in which nothing is visible counts as empty, and an invisible first
// word is not the first name.
func TestExpandInvisibleName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"\u3164", "\u200e", "\u200b \u2060", "\u2800", "\u00ad", "\ufe0f", "\u115f\u1160", "\uffa0", "\u0301"} {
		f := Facts{Lead: Lead{Name: name}}
		for _, text := range []string{"{{LEAD_NAME}}", "{{LEAD_FIRSTNAME}}", "{{LEAD_NAME| }}"} {
			if got, empty := ExpandParams([]string{text}, f); !empty {
				t.Errorf("%q of %+q: got %+q, want empty", text, name, got)
			}
		}
		if got, empty := Expand("Oi {{LEAD_FIRSTNAME|tudo bem}}", f); got != "Oi tudo bem" || empty {
			t.Errorf("default for %+q: got %+q, %v", name, got, empty)
		}
		f.Lead.Name += " Ana"
		if got, _ := Expand("{{LEAD_FIRSTNAME}}", f); got != "Ana" {
			t.Errorf("first name of %+q: got %+q, want Ana", f.Lead.Name, got)
		}
	}
	for _, name := range []string{"🌸", "李", "é", "X Æ", "-", "$", "7"} {
		if got, empty := Expand("{{LEAD_NAME|there}}", Facts{Lead: Lead{Name: name}}); got != name || empty {
			t.Errorf("%q: got %q, %v, want it unchanged", name, got, empty)
		}
	}
}

// ExpandParams reports empty if any of the parameters is blank or has an empty variable.
func TestExpandParams(t *testing.T) {
	t.Parallel()
	got, empty := ExpandParams([]string{"{{LEAD_FIRSTNAME}}", "Leavo"}, facts())
	if want := []string{"Ana", "Leavo"}; !slices.Equal(got, want) || empty {
		t.Errorf("got %q, %v, want %q", got, empty, want)
	}
	for _, params := range [][]string{{"Leavo", "{{LEAD_FIELD_ABSENT}}"}, {"Oi {{LEAD_FIELD_ABSENT}}"}, {" "}} {
		if _, empty := ExpandParams(params, facts()); !empty {
			t.Errorf("ExpandParams(%q): got not empty, want empty", params)
		}
	}
	if got, empty := ExpandParams(nil, facts()); len(got) != 0 || empty {
		t.Errorf("no parameters: got %q, %v", got, empty)
	}
}

// checkVariables accepts known variables and single braces, and describes anything
// else in at most 300 bytes.
func TestCheckVariables(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "plain", "{single}", "a }} b", "{{LEAD_NAME}} {{LEAD_FIRSTNAME|x}} {{LEAD_NUMBER}} {{COMPANY_NAME}}",
		"{{LEAD_FIELD_KEY}}", "{{LEAD_FIELD_preço médio}}", "{{LEAD_FIELD_x|}}",
	} {
		if problem := checkVariables(text); problem != "" {
			t.Errorf("checkVariables(%q): got %q, want none", text, problem)
		}
	}
	for _, text := range []string{
		"{{}}", "{{ }}", "{{NAME}}", "{{lead_name}}", "{{ LEAD_NAME }}", "{{LEAD_NAME }}", "{{LEAD_FIELD_}}", "{{LEAD_FIELD_ |x}}",
		"{{1}}", "{{LEAD_NAMES}}", "{{LEAD_NAME}} {{OTHER}}", "{{LEAD_NAME", "ok {{LEAD_NAME}} {{", "{{{LEAD_NAME}}}", "{{|x}}",
		"{{LEAD_NAME|{{COMPANY_NAME}}", "{{LEAD_FIELD_X|x{}}{", "{{LEAD_CUSTOM_FIELD}}", "{{LEAD_FIELD_" + strings.Repeat("x", 300) + "}}",
	} {
		problem := checkVariables(text)
		if problem == "" {
			t.Errorf("checkVariables(%q): got none, want a problem", text)
		}
		if len(problem) > 300 {
			t.Errorf("checkVariables(%q): got a problem of %d bytes, want at most 300", text, len(problem))
		}
	}
}

// Expand leaves no variable in a text that checkVariables accepts.
func TestExpandLeavesNoVariables(t *testing.T) {
	t.Parallel()
	part := rapid.SampledFrom([]string{"{{", "}}", "LEAD_NAME", "LEAD_FIELD_CITY", "|", "x", " ", "{", "}", "{{LEAD_NAME}}", "{{COMPANY_NAME|y}}"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "parts"), "")
		if checkVariables(text) != "" {
			return
		}
		if out, _ := Expand(text, facts()); strings.Contains(out, "{{") {
			t.Fatalf("Expand(%q): got %q, want no variable left", text, out)
		}
	})
}
