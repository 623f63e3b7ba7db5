package cloudapi

import (
	"bytes"
	"encoding/json"
	"slices"

	"wagate/providers"
)

// change is one change of an entry, and what its items share.
type change struct {
	account string
	time    json.RawMessage // of the entry
	entry   json.RawMessage // what else the entry says; nil: nothing
	self    object          // its own members, without the value; only for a Narrower
	field   string
	raw     json.RawMessage // the value
	value   object
	number  string // phone number id
	display string // the business's own number, digits
	frame   object // members of the value that every item keeps
	lean    object // those of it that are left when much has been repeated
	budget  *budget
	users   []user
	byID    map[string]int // "u"+user id and "p"+phone → users
}

// user is one contacts entry.
type user struct {
	raw  json.RawMessage
	who  providers.Contact
	used bool // an item is about him
}

func newChange(account string, time json.RawMessage, o object, b *budget) *change {
	c := &change{budget: b, account: account, time: time, field: o.text("field"), raw: o.get("value")}
	c.value, _ = objectOf(c.raw)
	if c.field == "" {
		// Some account updates have the field inside the value.
		c.field = c.value.text("field")
	}
	if meta := c.value.get("metadata"); meta != nil {
		c.number = short(scalar(lookup(meta, "phone_number_id")))
		c.display = digits(scalar(lookup(meta, "display_phone_number")))
	}
	c.shared()
	c.index()
	return c
}

// shared collects the members that every item keeps: all that is no list. Lists
// belong to items.
func (c *change) shared() {
	c.frame = c.value.repeated(maxRepeated, func(m member) bool { return !opens(m.value, '[') })
	c.lean = c.frame
	if c.frame.size() > maxLean {
		c.lean = c.frame.repeated(maxLean, func(member) bool { return true })
	}
}

// size is how many bytes the members are.
func (o object) size() int {
	n := 0
	for _, m := range o {
		n += len(m.key) + len(m.value)
	}
	return n
}

// repeated returns the members that every item is to have of those that keep
// says, each name once (the last one counts), up to so many bytes.
func (o object) repeated(most int, keep func(member) bool) object {
	size, last := 0, map[string]int{}
	for i, m := range o {
		last[text(m.key)] = i
	}
	var all object
	for i, m := range o {
		if !keep(m) || last[text(m.key)] != i {
			continue
		}
		if n := len(m.key) + len(m.value); size+n <= most {
			size += n
			all = append(all, m)
		}
	}
	return all
}

// besides returns what an entry says beside its id and its changes.
func besides(entry object) json.RawMessage {
	if !slices.ContainsFunc(entry, func(m member) bool { return !m.is("id") && !m.is("changes") }) {
		return nil // as nearly always
	}
	rest := entry.without("id", "changes")
	if len(rest) == 0 {
		return nil
	}
	var b bytes.Buffer
	rest.begin(&b)
	b.Bytes()[b.Len()-1] = '}'
	return b.Bytes()
}

// index reads the contacts.
func (c *change) index() {
	for raw := range elements(c.value.get("contacts")) {
		o, ok := objectOf(raw)
		if !ok {
			continue
		}
		if len(c.users) == MaxItems {
			break // there are no more items that they could be of
		}
		u := user{raw: raw, who: providers.Contact{
			Phone:  digits(o.id("wa_id")),
			UserID: o.text("user_id"),
			Name:   text(lookup(o.get("profile"), "name")),
		}}
		if c.byID == nil {
			c.byID = map[string]int{}
		}
		if u.who.UserID != "" {
			c.byID["u"+u.who.UserID] = len(c.users)
		}
		if u.who.Phone != "" {
			c.byID["p"+u.who.Phone] = len(c.users)
		}
		c.users = append(c.users, u)
	}
}

// contact completes an item's user from the contacts entry that names him, and
// returns that entry. An item that names nobody is about the only entry there
// is. What the item itself says wins.
func (c *change) contact(who providers.Contact) (providers.Contact, json.RawMessage) {
	i, ok := -1, false
	if who.UserID != "" {
		i, ok = c.find("u" + who.UserID)
	}
	if !ok && who.Phone != "" {
		i, ok = c.find("p" + who.Phone)
		if ok && who.UserID != "" && c.users[i].who.UserID != "" {
			ok = false // the entry is about somebody else with that phone
		}
	}
	if !ok && who.IsZero() && len(c.users) == 1 {
		i, ok = 0, true
	}
	if !ok {
		return who, nil
	}
	c.users[i].used = true
	u := c.users[i]
	who.Name = u.who.Name
	if who.UserID == "" {
		who.UserID = u.who.UserID
	}
	if who.Phone == "" {
		who.Phone = u.who.Phone
	}
	if len(u.raw) > maxRepeated {
		return who, nil
	}
	return who, u.raw
}

func (c *change) find(key string) (int, bool) {
	i, ok := c.byID[key]
	return i, ok
}

// narrow returns the change's value with one item in list and the contacts
// entry, if any, of its user.
func (c *change) narrow(list string, item, contact json.RawMessage) json.RawMessage {
	frame := c.frame
	if !c.budget.take(frame.size()) {
		frame = c.lean
	}
	if !c.budget.take(len(contact)) {
		contact = nil
	}
	var b bytes.Buffer
	b.Grow(frame.size() + 2*len(frame) + len(list) + len(item) + len(contact) + 32)
	frame.begin(&b)
	if contact != nil {
		b.WriteString(`"contacts":[`)
		b.Write(contact)
		b.WriteString(`],`)
	}
	b.WriteByte('"')
	b.WriteString(list)
	b.WriteString(`":[`)
	b.Write(item)
	b.WriteString(`]}`)
	return b.Bytes()
}

// whole returns the value as it came.
func (c *change) whole() json.RawMessage { return slices.Clone(c.raw) }

// digits returns a phone number as contacts have it: without a plus sign.
func digits(s string) string {
	if s != "" && s[0] == '+' {
		return s[1:]
	}
	return s
}
