package outbound

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// reader reads the members of a body and collects what is wrong.
type reader struct {
	fields   map[string]json.RawMessage
	problems []string
	absent   int
}

func (r *reader) add(problem string) { r.problems = append(r.problems, problem) }

func (r *reader) missing(field string) {
	r.absent++
	r.add(fmt.Sprintf("%s is required", field))
}

// sound reports whether a member is absent or a string.
func (r *reader) sound(name string) bool {
	raw, ok := r.fields[name]
	return !ok || raw[0] == '"'
}

// need notes a required field that is not there.
func (r *reader) need(field string, there bool) {
	if !there {
		r.missing(field)
	}
}

// unique refuses an object in which a member is there twice: the one that is
// judged need not be the one that counts where it is sent to, and some there
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

// object is what was read of one.
type object struct {
	fields map[string]json.RawMessage
	text   map[string]string // the members asked for; "" if absent
	wrong  map[string]bool   // those that are no strings, which has been reported
}

// has reports whether a member that must be a string is there, be it as something else.
func (o object) has(member string) bool { return o.text[member] != "" || o.wrong[member] }

// object reads an object, and those of its members that must be strings; false if it is none.
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

// text reads a string member; "" if it is absent or no string.
func (r *reader) text(name string) string {
	s, _ := text(r.fields[name])
	return s
}

// optional reads a string member that may be absent.
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

// named returns a member's name for an answer, which is not the place for all
// that somebody may have taken for a name.
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
		panic("outbound: " + err.Error()) // strings and raw messages that were read before
	}
	return b
}
