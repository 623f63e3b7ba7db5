package redisstore

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"wagate/followup"
)

// errNewer is what whoever asked is told of what a newer replica wrote.
var errNewer = followup.ErrNewer

// isNewer says of the version of what was stored that a newer replica wrote it.
func isNewer(v string) bool { return v != "" && v != strconv.Itoa(formatVersion) }

// Why work is left for later.
const (
	leftToNewer   = "left to the replica that wrote it"
	leftUnclaimed = "what could not be claimed in time, it is tried again"
)

// tellEvery is how often the log repeats that work is left for the same reason.
const tellEvery = time.Minute

// leftForLater says in the log that work is left for later, and why.
func (s *Store) leftForLater(why string, err error) {
	if s.lefts.Allow(why, s.now()) {
		s.log.Warn("left for later", "what", why, "err", err)
	}
}

// leave says of a record of that version that it is left alone, if a newer replica wrote it.
func (s *Store) leave(what, version string) error {
	if !isNewer(version) {
		return nil
	}
	err := fmt.Errorf("%s of format %s: %w", what, version, errNewer)
	s.leftForLater(leftToNewer, err)
	return err
}

// left is what a script says of a record that it left alone; nil if it did not.
func (s *Store) left(what string, v any) error {
	l, _ := v.([]any)
	if r := reply(l); r.text(0) == "newer" {
		return s.leave(what, r.text(1))
	}
	return nil
}

// unread remembers of due steps that only a newer replica can read them, so that those
// behind them get their turn. It is forgotten by and by: somebody may have written them anew.
type unread struct {
	mu    sync.Mutex
	until map[string]map[followup.RunID]time.Time // by the due set that they are in
	size  int
}

const maxUnread = 20_000

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

// of lists those of a due set.
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
