package cluster

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// stand is the testing.TB that redistest needs to start the cluster. What would fail a test becomes
// an error of attempt.
type stand struct {
	testing.TB

	mu       sync.Mutex
	cleanups []func()
}

// failure is the panic with which a stand ends what would fail a test.
type failure string

func (s *stand) Helper() {}

func (s *stand) Fatal(args ...any) { panic(failure(fmt.Sprint(args...))) }

func (s *stand) Fatalf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

func (s *stand) Skip(args ...any) { panic(failure(fmt.Sprint(args...))) }

func (s *stand) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

func (s *stand) close() error {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
	return nil
}

// attempt calls do and returns as an error what would have failed a test.
func attempt(do func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = errors.New(string(r))
		default:
			panic(r)
		}
	}()
	do()
	return nil
}
