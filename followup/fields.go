package followup

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// The readers of single fields of a parsed body. Each notes what is wrong at
// the field's path and returns a value that lets validation go on.

// uuidText is the length of a UUID in the one form that is accepted.
const uuidText = 36

// known reports members that nobody knows.
func (d *decoder) known(path string, o object, fields []string) {
	for _, m := range o {
		if !slices.Contains(fields, m.key) {
			d.add(joinPath(path, keyPath(m.key)), "is not a known field")
		}
	}
}

// id returns a required UUID, or "" with the problem noted.
func (d *decoder) id(o object, path, key string) string {
	v, _ := o.get(key)
	if v == nil {
		d.missing(joinPath(path, key))
		return ""
	}
	return d.uuid(joinPath(path, key), v)
}

func (d *decoder) uuid(path string, v any) string {
	s, ok := v.(string)
	if !ok {
		d.add(path, "must be a UUID, not %s", typeName(v))
		return ""
	}
	u, err := uuid.Parse(s)
	if err != nil || len(s) != uuidText {
		d.add(path, "must be a UUID")
		return ""
	}
	return u.String()
}

// required returns a text that must be there and not blank.
func (d *decoder) required(o object, path, key string, most int) string {
	v, _ := o.get(key)
	if v == nil {
		d.missing(joinPath(path, key))
		return ""
	}
	s := d.text(o, path, key, most)
	if isText(o, key) && s == "" {
		d.add(joinPath(path, key), "must not be empty")
	}
	return s
}

// text returns an optional text; blank is empty.
func (d *decoder) text(o object, path, key string, most int) string {
	v, _ := o.get(key)
	if v == nil {
		return ""
	}
	s, ok := v.(string)
	switch {
	case !ok:
		d.add(joinPath(path, key), "must be a string, not %s", typeName(v))
	case utf8.RuneCountInString(s) > most:
		d.add(joinPath(path, key), "must be at most %d characters long", most)
	case strings.TrimSpace(s) == "":
		return ""
	}
	return s
}

// list returns an optional array: nil if absent, ok false if it is no array.
func (d *decoder) list(o object, path, key string) (list []any, ok bool) {
	v, _ := o.get(key)
	if v == nil {
		return nil, true
	}
	list, ok = v.([]any)
	if !ok {
		d.add(joinPath(path, key), "must be an array, not %s", typeName(v))
	}
	return list, ok
}

func (d *decoder) object(path string, v any) (object, bool) {
	o, ok := v.(object)
	if !ok {
		d.add(path, "must be an object, not %s", typeName(v))
	}
	return o, ok
}

func (d *decoder) boolean(o object, key string, absent bool) bool {
	v, sent := o.get(key)
	if !sent {
		return absent
	}
	b, ok := v.(bool)
	if !ok {
		d.add(key, "must be a boolean, not %s", typeName(v))
	}
	return b
}

// isText reports whether a member is a string or absent.
func isText(o object, key string) bool {
	v, _ := o.get(key)
	_, ok := v.(string)
	return ok || v == nil
}
