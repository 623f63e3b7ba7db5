package cloudapi

import (
	"bytes"
	"encoding/json"
	"slices"

	"wagate/providers"
)

// change is one change of an entry, together with what its items share.
type change struct {
	account string
	time    json.RawMessage // of the entry
	entry   json.RawMessage // other members of the entry; nil if there are none
	self    []byte          // members of the change except value; only for a Narrower
	field   string
	value   value
	number  string // phone number id
	display string // the business's own number, digits
	frame   []byte // members of the value that every item gets
	lean    []byte // the part of frame that items get when the budget is spent
	budget  *budget
	users   []user
	byID    map[string]int // "u"+user id and "p"+phone → users
}

// user is one contacts entry.
type user struct {
	raw  json.RawMessage
	who  providers.Contact
	used bool // an item refers to this user
}

func newChange(account string, time json.RawMessage, o value, b *budget) *change {
	c := &change{budget: b, account: account, time: time, field: o.text("field"), value: o.get("value")}
	if c.field == "" {
		// Some account updates have the field inside the value.
		c.field = c.value.text("field")
	}
	meta := c.value.get("metadata")
	c.number, c.display = sharedID(meta.id("phone_number_id")), digits(meta.id("display_phone_number"))
	c.shared()
	c.index()
	return c
}

// shared collects the members that every item gets.
func (c *change) shared() {
	c.frame = c.value.beside(maxRepeated)
	c.lean = c.frame
	if len(c.frame) > maxLean {
		c.lean = c.value.beside(maxLean)
	}
}

// beside returns the members of an object that are copied around another part of it, as they came,
// each followed by a comma. It returns at most most bytes. It leaves out lists, which hold items,
// and the members named in but. Of members with the same name the last one counts.
func (v value) beside(most int, but ...string) []byte {
	last := map[string]int32{}
	for name, m := range v.members() {
		if !slices.ContainsFunc(but, name.is) {
			last[text(name.raw())] = m.at
		}
	}
	var b []byte
	for name, m := range v.members() {
		if at, ok := last[text(name.raw())]; !ok || at != m.at || m.opens('[') {
			continue
		}
		if len(b)+len(name.raw())+len(m.raw())+len(`:,`) <= most {
			b = append(append(append(append(b, name.raw()...), ':'), m.raw()...), ',')
		}
	}
	return b
}

// entryMembers returns the members of an entry other than id, changes and lists, nil if there are
// none.
func entryMembers(entry value) json.RawMessage {
	rest := entry.beside(maxBeside, "id", "changes")
	if len(rest) == 0 {
		return nil // the usual case
	}
	return slices.Concat([]byte{'{'}, rest[:len(rest)-1], []byte{'}'})
}

// index reads the contacts.
func (c *change) index() {
	for o := range c.value.get("contacts").elements() {
		if !o.opens('{') {
			continue
		}
		if len(c.users) == MaxItems {
			break // there are no more items to refer to them
		}
		u := user{raw: o.raw(), who: providers.Contact{
			Phone:  digits(o.id("wa_id")),
			UserID: o.text("user_id"),
			Name:   o.get("profile").text("name"),
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

// contact completes an item's user from the contacts entry that names the user, and returns that
// entry. An item that names nobody refers to the only entry, if there is only one. What the item
// itself says wins.
func (c *change) contact(who providers.Contact) (providers.Contact, json.RawMessage) {
	i, ok := -1, false
	if who.UserID != "" {
		i, ok = c.find("u" + who.UserID)
	}
	if !ok && who.Phone != "" {
		i, ok = c.find("p" + who.Phone)
		if ok && who.UserID != "" && c.users[i].who.UserID != "" {
			ok = false // the entry is about another user with that phone
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

// narrow returns the change's value with only one item in list and, if there is one, the contacts
// entry of its user.
func (c *change) narrow(list string, item, contact json.RawMessage) json.RawMessage {
	frame := c.frame
	if !c.budget.take(len(frame)) {
		frame = c.lean
	}
	if !c.budget.take(len(contact)) {
		contact = nil
	}
	var b bytes.Buffer
	b.Grow(len(frame) + len(list) + len(item) + len(contact) + 32)
	b.WriteByte('{')
	b.Write(frame)
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
func (c *change) whole() json.RawMessage { return slices.Clone(c.value.raw()) }

// digits returns a phone number in the form that contacts have: without a plus sign.
func digits(s string) string {
	if s != "" && s[0] == '+' {
		return s[1:]
	}
	return s
}
