package outbound

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// reader reads the members of a body and collects the problems it finds.
type reader struct {
	fields   map[string]json.RawMessage
	problems []string
	absent   int // the problems that are missing fields
}

func (r *reader) add(problem string) { r.problems = append(r.problems, problem) }

func (r *reader) missing(field string) {
	r.absent++
	r.add(fmt.Sprintf("%s is required", field))
}

// absentOrString reports whether a member is either absent or a string.
func (r *reader) absentOrString(name string) bool {
	raw, ok := r.fields[name]
	return !ok || raw[0] == '"'
}

// need reports a required field as missing unless it is there.
func (r *reader) need(field string, there bool) {
	if !there {
		r.missing(field)
	}
}

// unique reports a member that an object has twice; twin is its name, "" if there is none. The
// provider may use the other of the two than the one that was checked here, and some providers
// read Name as name. object is empty for the body itself.
func (r *reader) unique(object, twin string) {
	switch {
	case twin == "":
	case object == "":
		r.add("the body has " + named(twin) + " more than once")
	default:
		r.add(object + " has " + named(twin) + " more than once")
	}
}

// object is a JSON object that has been read.
type object struct {
	fields map[string]json.RawMessage
	text   map[string]string // the string members that were asked for; "" if absent
	wrong  map[string]bool   // the members that should be strings and are not, already reported
}

// has reports whether a member that must be a string is there, even if it is not a string.
func (o object) has(member string) bool { return o.text[member] != "" || o.wrong[member] }

// object reads an object and the wanted members, which must be strings. It reports what is wrong,
// and returns false if raw is not an object.
func (r *reader) object(name string, raw json.RawMessage, want ...string) (object, bool) {
	fields, twin, ok := members(raw)
	if !ok {
		r.add(name + " is malformed")
		return object{}, false
	}
	r.unique(name, twin)
	o := object{fields: fields, text: map[string]string{}, wrong: map[string]bool{}}
	for _, member := range want {
		if o.text[member], ok = text(fields[member]); !ok {
			o.wrong[member] = true
			r.add(name + "." + member + " must be a string")
		}
	}
	return o, true
}

// text returns a string member, or "" if it is absent or not a string.
func (r *reader) text(name string) string {
	s, _ := text(r.fields[name])
	return s
}

// optional returns a string member, or "" if it is absent. It reports a member that is not a
// string.
func (r *reader) optional(name string) string {
	s, ok := text(r.fields[name])
	if !ok {
		r.add(name + " must be a string")
	}
	return s
}

func (r *reader) failure() *failure {
	switch {
	case len(r.problems) == 0:
		return nil
	case r.absent == len(r.problems):
		return fail(codeMissing, strings.Join(r.problems, "; "))
	}
	return fail(codeInvalid, strings.Join(r.problems, "; "))
}

// named returns a member's name, quoted, for use in an answer. It shortens long names: callers can
// put anything into a name.
func named(member string) string {
	const most = 40 // bytes
	if len(member) > most {
		member = strings.ToValidUTF8(member[:most], "") + "…"
	}
	return strconv.Quote(member)
}

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("outbound: " + err.Error()) // cannot happen: v consists of strings and of JSON that has been parsed
	}
	return b
}
