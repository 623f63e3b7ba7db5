package fault

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"unicode/utf8"
)

// Object decodes the JSON object of a request into its members. It returns a fault of the body for
// anything else. A body that is not UTF-8 is a fault too, because a decoder would change its text.
func Object(body []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(body) {
		return nil, badBody("is not valid UTF-8")
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return nil, notJSON()
	}
	return members, nil
}

// Members decodes the JSON object of a request as Object does. It also records each member that is
// given twice, with prefix before its name, because nobody knows which of the two was meant. The
// first one is returned.
func Members(body []byte, prefix string, problems *Problems) (map[string]json.RawMessage, error) {
	if _, err := Object(body); err != nil {
		return nil, err
	}
	members, twice := map[string]json.RawMessage{}, map[string]bool{}
	d := json.NewDecoder(bytes.NewReader(body))
	_, err := d.Token() // the brace
	for err == nil && d.More() {
		var name json.Token
		var value json.RawMessage
		if name, err = d.Token(); err == nil {
			err = d.Decode(&value)
		}
		key, _ := name.(string)
		if _, known := members[key]; !known {
			members[key] = value
		} else if !twice[key] {
			twice[key] = true
			problems.Add(prefix+key, "is given twice")
		}
	}
	if err != nil {
		return nil, notJSON()
	}
	return members, nil
}

// Texts decodes a JSON object whose members are strings with these names. It returns the members
// that are given and not null, and records every other flaw in problems. It returns an error only
// if the body is not a JSON object.
func Texts(body []byte, problems *Problems, names ...string) (map[string]string, error) {
	members, err := Members(body, "", problems)
	if err != nil {
		return nil, err
	}
	given := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		var text *string
		switch {
		case !slices.Contains(names, name):
			problems.Add(name, "is not a known field")
		case json.Unmarshal(members[name], &text) != nil:
			problems.Add(name, "must be a string")
		case text != nil:
			given[name] = *text
		}
	}
	return given, nil
}
