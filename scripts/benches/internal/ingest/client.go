package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/benches/internal/load"
	"wagate/scripts/internal/figure"
	"wagate/scripts/internal/proc"
)

// order asks the client for one run.
type order struct {
	load.Plan

	Kind kind
	// From is the number of the first body; Most is how many are made.
	From, Most int
	Leads      int
	Sent       string // file of the messages that statuses are about
}

// outcome is the result of a run.
type outcome struct {
	Done, Failed             int
	Failure                  string
	Began                    time.Time
	Elapsed, P50, P99, Worst time.Duration
	CPU                      time.Duration // of the client
}

// maxBytes bounds the size of the requests that are made for one run; a run that uses them up ends
// earlier.
const maxBytes = 256 << 20

// client is the role of the process that posts the webhooks.
func client(in io.Reader, out io.Writer) error {
	// No garbage is collected in the middle of a run.
	debug.SetGCPercent(-1)
	c := &poster{}
	return proc.Answer(in, out, c.run)
}

// poster keeps what one run leaves to the next.
type poster struct {
	file   string
	sent   []sent
	buffer []byte
}

func (c *poster) run(o order) (outcome, error) {
	if err := c.read(o.Sent); err != nil {
		return outcome{}, err
	}
	m := newMaker(o.Leads, c.sent, time.Now())
	m.buffer = c.buffer
	requests := m.requests(o.Kind, o.From, o.Most, maxBytes)
	c.buffer = m.buffer
	if len(requests) == 0 {
		return outcome{}, fmt.Errorf("no more %s", o.Kind)
	}
	runtime.GC()
	used := bench.CPU()
	r, err := load.Run(context.Background(), o.Plan, requests)
	if err != nil {
		return outcome{}, err
	}
	used = bench.CPU() - used
	sorted := r.Sorted()
	return outcome{
		Done: len(sorted), Failed: r.Failed, Failure: r.Failure, Began: r.Began, Elapsed: r.Elapsed,
		P50: figure.Quantile(sorted, 0.5), P99: figure.Quantile(sorted, 0.99), Worst: figure.Quantile(sorted, 1), CPU: used,
	}, nil
}

func (c *poster) read(file string) error {
	if file == "" || file == c.file {
		return nil
	}
	text, err := os.ReadFile(file) //nolint:gosec // the benchmark's own file
	if err != nil {
		return fmt.Errorf("read what was sent: %w", err)
	}
	c.sent = nil
	if err := json.Unmarshal(text, &c.sent); err != nil {
		return fmt.Errorf("read what was sent: %w", err)
	}
	c.file = file
	return nil
}
