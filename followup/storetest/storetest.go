package storetest

import (
	"testing"

	"wagate/followup"
)

// New returns a store to test. The store may be empty, or shared with other tests that run one at a
// time.
type New func(t *testing.T) followup.Store

// test is the test of one promise.
type test struct {
	name string
	run  func(w *world)
}

// Run tests every promise of followup.Store.
func Run(t *testing.T, open New) {
	t.Helper()
	groups := []struct {
		name  string
		tests []test
	}{
		{"I2", onceTests()},
		{"I3", windowTests()},
		{"I4Openers", openerTests()},
		{"I4", refusalTests()},
		{"I5", replyTests()},
		{"I5Silence", silenceTests()},
		{"I6", atMostOnceTests()},
		{"I6Crashed", crashTests()},
		{"I6Leases", leaseTests()},
		{"I7", nothingLostTests()},
		{"I7Claims", claimTests()},
		{"I7Receipts", receiptTests()},
		{"I7Endings", endingTests()},
		{"I7Words", wordTests()},
		{"I7MessageIDs", messageIDTests()},
		{"I5Preference", preferenceTests()},
		{"I8", oneLiveRunTests()},
		{"I9", orderTests()},
		{"I9Cuts", cutTests()},
		{"I9Fair", fairTests()},
		{"I9DeadLetters", deadLetterTests()},
		{"I10", wallTests()},
		{"I12", clockTests()},
		{"I12Calendar", calendarTests()},
		{"Leads", leadTests()},
		{"Phones", phoneTests()},
		{"Identify", identifyTests()},
		{"Sole", soleTests()},
		{"I10Strangers", strangerTests()},
		{"StandIns", standInTests()},
		{"PutLead", putTests()},
		{"Merge", mergeTests()},
		{"MergeInherits", inheritTests()},
		{"Erase", eraseTests()},
		{"Rearm", rearmTests()},
		{"Configs", configTests()},
		{"Pause", pauseTests()},
		{"Sends", sendTests()},
		{"Keys", keyTests()},
		{"Messages", messageTests()},
		{"Templates", templateTests()},
		{"Stats", statsTests()},
		{"Forget", forgetTests()},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, c := range g.tests {
				t.Run(c.name, func(t *testing.T) { c.run(newWorld(t, open(t))) })
			}
		})
	}
}
