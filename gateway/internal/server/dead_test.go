package server_test

import (
	"testing"

	"wagate/followup"
)

// TestUnreadableDeadLetter: a dead letter that cannot be read does not hinder a bulk replay of the
// others, and can be dropped.
func TestUnreadableDeadLetter(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	h.makeDead(3)
	h.store.listed = func(letters []followup.DeadLetter) {
		h.store.listed = nil
		h.store.torn = letters[1].ID
	}
	h.want(h.op("POST", "/api/dead/replay", ""), 200, `{"replayed":2}`)
	const torn = `{"success":false,"error":{"code":"UNREADABLE",` +
		`"message":"the dead letter cannot be read: all that can be done is to drop it","details":[]}}`
	letter := "/api/dead/" + h.store.torn
	h.want(h.op("GET", letter, ""), 409, torn)
	h.want(h.op("POST", letter+"/replay", ""), 409, torn)
	h.want(h.op("DELETE", letter, ""), 204, "")
}
