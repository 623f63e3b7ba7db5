package timers

import (
	"sync"
	"time"

	"wagate/scripts/drills/internal/dice"
)

// luck is dice for concurrent use.
type luck struct {
	mu   sync.Mutex
	dice dice.Dice
}

func (l *luck) die(sides int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dice.IntN(sides)
}

func (l *luck) within(least, most time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dice.Within(least, most)
}
