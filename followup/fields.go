package followup

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// This file reads single fields of a parsed body. Each method adds what is wrong as a problem at the
// field's path and returns a value with which validation can go on.

// uuidText is the length of a UUID in the only form that is accepted.
const uuidText = 36

// onlyFields adds a problem for each member that is not among fields.
func (d *decoder) onlyFields(path string, o object, fields []string) {
	for _, m := range o {
		if !slices.Contains(fields, m.key) {
			d.add(joinPath(path, keyPath(m.key)), "is not a known field")
		}
	}
}

// id returns a required UUID, or "" with a problem added.
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

// required returns a text that must be present and not blank.
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

// text returns an optional text. A blank text is returned as "".
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

// list returns an optional array: nil if it is absent, and ok false if the value is not an array.
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

// isText reports whether a member is a string, null or absent.
func isText(o object, key string) bool {
	v, _ := o.get(key)
	_, ok := v.(string)
	return ok || v == nil
}
