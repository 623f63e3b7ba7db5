package cloudapi

import (
	"strings"

	"wagate/providers"
)

// MaxItems bounds the items of one body. It is sixteen times what Meta says it sends at once, and
// as many as a large import of history has. Items beyond it are skipped and counted. The bound
// limits memory: an item may be as short as ten bytes, and an event takes a kilobyte.
const MaxItems = 16 << 10

// Bounds of what is copied into every item of a body. maxRepeated bounds, in bytes, the members of
// a change that each of its items gets. maxInAll bounds their sum over all items of a body. Once
// the sum is spent, an item gets at most maxLean bytes: enough for a name and a number, too little
// to make the events many times as large as the body.
const (
	maxRepeated = 16 << 10
	maxInAll    = 16 << 20
	maxLean     = 512
	// maxBeside bounds what is copied from around a value, for each item or for each conversation
	// that a body is narrowed to.
	maxBeside = 1 << 10
)

// budget is the unspent part of maxInAll.
type budget struct{ left int }

// take reports whether n bytes may be copied once more, and spends them.
func (b *budget) take(n int) bool {
	if n > maxLean && n > b.left {
		return false
	}
	b.left -= n
	return true
}

// sharedID returns an id that all items of a change or a body share. If the id is longer than
// maxLean, it is replaced by its hash, which still distinguishes it from others and matches no real
// id. The shared ids are part of every derived id, so their length determines how much work each
// item is.
func sharedID(id string) string {
	if len(id) <= maxLean {
		return id
	}
	return digest(id)
}

// MaxIdentity bounds a phone and a user id, in bytes. Real user ids have at most about 130
// characters. A longer value names nobody and is dropped; otherwise it would be kept and looked up
// for every item that refers to the only contact of a change.
const MaxIdentity = 256

// maxName bounds the name of a contact, in bytes.
const maxName = 512

// plausible returns c without identities that are too long, and with its name cut to maxName.
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
