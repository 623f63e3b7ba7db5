package cloudapi

import (
	"strings"

	"wagate/providers"
)

// MaxItems bounds the items of one body: sixteen times what Meta says it sends
// at once, and as many as a large import of history has. What is beyond it is
// skipped and counted. An item may be as short as ten bytes, and an event takes
// a kilobyte.
const MaxItems = 16 << 10

// maxRepeated bounds what every item of a change has of what is said beside the
// items; maxInAll what the items of one body have of it together. Beyond that they
// have no more than maxLean each: a name and a number, but nothing by which a body
// could become many times as large as it is.
const (
	maxRepeated = 16 << 10
	maxInAll    = 16 << 20
	maxLean     = 512
	// maxBeside bounds what is repeated of what stands around a value: for each item,
	// or for each conversation that a body is narrowed to.
	maxBeside = 1 << 10
)

// budget is what is left of maxInAll.
type budget struct{ left int }

// take reports whether n bytes may be repeated once more.
func (b *budget) take(n int) bool {
	if n > maxLean && n > b.left {
		return false
	}
	b.left -= n
	return true
}

// short returns an id that all items of a change, or of a body, have in common:
// one that is longer than any is stands for itself by its hash, which tells it from
// others, and is nobody's. Each item that has no id of its own is named by them all,
// so that what they are decides how much work it is.
func short(id string) string {
	if len(id) <= maxLean {
		return id
	}
	return digest(id)
}

// MaxIdentity bounds a phone and a user id: ids of users have some 130 characters at
// most. What is longer names nobody; it would be kept, and looked up, as often as an
// item is of the only contact there is.
const MaxIdentity = 256

// maxName bounds the name of a contact.
const maxName = 512

// plausible returns what of a contact can be one.
func plausible(c providers.Contact) providers.Contact {
	if len(c.Phone) > MaxIdentity {
		c.Phone = ""
	}
	if len(c.UserID) > MaxIdentity {
		c.UserID = ""
	}
	if len(c.Name) > maxName {
		c.Name = strings.ToValidUTF8(c.Name[:maxName], "")
	}
	return c
}
