package fault

import (
	"encoding/json"
	"maps"
	"slices"
)

// Object decodes the JSON object of a request into its members. Anything else is
// a fault of the body.
func Object(body []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return nil, notJSON()
	}
	return members, nil
}

// Texts decodes a JSON object whose members are texts of these names. It returns
// those that were given and are not null, and notes every other flaw.
func Texts(body []byte, problems *Problems, names ...string) (map[string]string, error) {
	members, err := Object(body)
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
			problems.Add(name, "must be a string or null")
		case text != nil:
			given[name] = *text
		}
	}
	return given, nil
}
