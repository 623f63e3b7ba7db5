package redisstore

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"wagate/followup"
)

// errNewer is the error of a call that needs something which a newer replica wrote.
var errNewer = followup.ErrNewer

// isNewer reports whether a stored version is one that only a newer replica writes; "" is not.
func isNewer(v string) bool { return v != "" && v != strconv.Itoa(formatVersion) }

// The reasons for leaving work for later, as the log gives them.
const (
	leftToNewer   = "left to the newer replica that wrote it"
	leftUnclaimed = "could not be claimed in time, will be tried again"
)

// tellEvery is how often at most the log repeats that work is left for the same reason.
const tellEvery = time.Minute

// leftForLater logs that work is left for later, and why; not again for the same reason within
// tellEvery.
func (s *Store) leftForLater(why string, err error) {
	if s.lefts.Allow(why, s.now()) {
		s.log.Warn("left for later", "what", why, "err", err)
	}
}

// checkVersion returns an error, and logs it, if the version of a record says that a newer replica
// wrote it. The record is left alone then. what names the kind of record.
func (s *Store) checkVersion(what, version string) error {
	if !isNewer(version) {
		return nil
	}
	err := fmt.Errorf("%s of format %s: %w", what, version, errNewer)
	s.leftForLater(leftToNewer, err)
	return err
}

// checkReply is checkVersion for the reply of a script: it returns an error, and logs it, if the
// script left a record alone because a newer replica wrote it.
func (s *Store) checkReply(what string, v any) error {
	l, _ := v.([]any)
	if r := reply(l); r.text(0) == "newer" {
		return s.checkVersion(what, r.text(1))
	}
	return nil
}

// unread remembers due steps that only a newer replica can read, so that the steps behind them get
// their turn. It forgets each after tellEvery, because the step may have been written again since.
type unread struct {
	mu    sync.Mutex
	until map[string]map[followup.RunID]time.Time // by the key of the due set that they are in
	size  int
}

const maxUnread = 20_000

// put remembers a step of a due set. If there are too many, it forgets all others first.
func (u *unread) put(set string, run followup.RunID, real time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.until == nil || u.size >= maxUnread {
		u.until, u.size = map[string]map[followup.RunID]time.Time{}, 0
	}
	if u.until[set] == nil {
		u.until[set] = map[followup.RunID]time.Time{}
	}
	if _, had := u.until[set][run]; !had {
		u.size++
	}
	u.until[set][run] = real.Add(tellEvery)
}

// of returns the steps that are remembered of a due set.
func (u *unread) of(set string, real time.Time) map[followup.RunID]bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	var runs map[followup.RunID]bool
	for run, until := range u.until[set] {
		if !until.After(real) {
			delete(u.until[set], run)
			u.size--
			continue
		}
		if runs == nil {
			runs = map[followup.RunID]bool{}
		}
		runs[run] = true
	}
	return runs
}
