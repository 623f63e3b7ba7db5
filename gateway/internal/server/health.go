package server

import (
	"context"
	"sync"
	"time"
)

// probeTimeout bounds the checks of one request for readiness.
const probeTimeout = 2 * time.Second

// Check is one condition for the process to be ready.
type Check struct {
	Name string
	// Probe returns what is wrong, or nil if nothing is. Every request of /readyz calls it, so it
	// should answer from memory or within moments.
	Probe func(ctx context.Context) error
}

// readiness is the answer of /readyz.
type readiness struct {
	Ready  bool          `json:"ready"`
	Checks []checkResult `json:"checks"`
}

// checkResult is the result of one check. Since is when the check was first seen failing.
type checkResult struct {
	Name  string     `json:"name"`
	OK    bool       `json:"ok"`
	Error *string    `json:"error"`
	Since *time.Time `json:"since"`
}

// health runs the checks and remembers since when each one fails.
type health struct {
	checks []Check
	now    func() time.Time
	mu     sync.Mutex
	since  map[string]time.Time
}

func newHealth(checks []Check, now func() time.Time) *health {
	return &health{checks: checks, now: now, since: map[string]time.Time{}}
}

// check runs all checks in parallel.
func (h *health) check(ctx context.Context) readiness {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	errs := make([]error, len(h.checks))
	var wg sync.WaitGroup
	for i, c := range h.checks {
		wg.Go(func() { errs[i] = c.Probe(ctx) })
	}
	wg.Wait()

	h.mu.Lock()
	defer h.mu.Unlock()
	r := readiness{Ready: true, Checks: make([]checkResult, 0, len(h.checks))}
	for i, c := range h.checks {
		result := checkResult{Name: c.Name, OK: errs[i] == nil}
		if errs[i] == nil {
			delete(h.since, c.Name)
		} else {
			r.Ready = false
			since, known := h.since[c.Name]
			if !known {
				since = h.now().UTC()
				h.since[c.Name] = since
			}
			text := errs[i].Error()
			result.Error, result.Since = &text, &since
		}
		r.Checks = append(r.Checks, result)
	}
	return r
}
