package redisstore

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// errNewer says that a newer replica wrote something, which we would misread. It is
// left alone: whoever asked is told to ask again, and may then meet that replica.
var errNewer = errors.New("written by a newer version of this program")

// seldom says something in the log, and not again within tellEvery.
type seldom struct {
	mu   sync.Mutex
	last time.Time
}

const tellEvery = time.Minute

func (s *seldom) tell(log *slog.Logger, now time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.IsZero() && now.Sub(s.last) < tellEvery {
		return
	}
	s.last = now
	log.Warn("left to the replica that wrote it", "err", err)
}
