package proc

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// Wagate is a running wagate.
type Wagate struct {
	*Process

	// Public and Admin are the addresses of its listeners, host:port.
	Public, Admin string
	// Listened is the time from its start until the public listener was there.
	Listened time.Duration
}

var listening = regexp.MustCompile(`msg=listening addr=(\S+) listener=(\w+)`)

// StartWagate starts a wagate binary with an operator's file, which must set its ports to 0, and
// waits until it is ready. It kills a process that is not ready in time.
func (g *Group) StartWagate(ctx context.Context, binary, file string) (w *Wagate, err error) {
	type listener struct {
		name, addr string
		after      time.Duration
	}
	listeners := make(chan listener, 2)
	began := time.Now()
	p, err := g.start(exec.CommandContext(ctx, binary, "serve", "-config", file), func(line string) { //nolint:gosec // the binary under test
		if m := listening.FindStringSubmatch(line); m != nil {
			listeners <- listener{m[2], m[1], time.Since(began)}
		}
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.Kill()
		}
	}()
	w = &Wagate{Process: p}
	for range 2 {
		select {
		case l := <-listeners:
			if l.name == "public" {
				w.Public, w.Listened = l.addr, l.after
			} else {
				w.Admin = l.addr
			}
		case <-p.ended:
			return nil, fmt.Errorf("wagate: %w: %s", errEnded, p.Said())
		case <-time.After(patience):
			return nil, fmt.Errorf("wagate does not listen: %s", p.Said())
		}
	}
	return w, p.until(ctx, func(ctx context.Context) error { return w.get(ctx, "/readyz", io.Discard) })
}

// Metrics reads all metrics of this wagate.
func (w *Wagate) Metrics(ctx context.Context) (Metrics, error) {
	r, wr := io.Pipe()
	go func() { _ = wr.CloseWithError(w.get(ctx, "/metrics", wr)) }()
	m, err := parseMetrics(r)
	if err != nil {
		return nil, fmt.Errorf("metrics of wagate: %w", err)
	}
	return m, nil
}

// Profile writes a profile of this wagate to a file in dir. The profile is named by its path below
// /debug/pprof/, with its query.
func (w *Wagate) Profile(ctx context.Context, dir, name, what string) error {
	file, err := os.Create(filepath.Join(dir, name)) //nolint:gosec // the directory that the user gave
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if err := w.get(ctx, "/debug/pprof/"+what, file); err != nil {
		_ = file.Close()
		return fmt.Errorf("profile: %w", err)
	}
	return file.Close()
}

// get copies the admin listener's answer to a writer.
func (w *Wagate) get(ctx context.Context, path string, to io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.Admin+path, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d", path, res.StatusCode)
	}
	_, err = io.Copy(to, res.Body)
	return err
}
