package proc

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience bounds every wait for a process to start or to end. It is used up only if something is
// wrong, but a busy machine may keep a process waiting for many seconds.
const patience = 2 * time.Minute

// errEnded says that a process has ended.
var errEnded = errors.New("process ended")

// Process is a process that a group started.
type Process struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{}

	mu   sync.Mutex
	tail []string // the last lines it wrote
}

// maxTail is how many of a process's last lines are kept, to be shown if it fails.
const maxTail = 30

// start starts a process that Close stops. Its output, except what the command sends elsewhere, is
// kept to be shown if it fails, and passed to line, which may be nil, line by line.
func (g *Group) start(cmd *exec.Cmd, line func(string)) (*Process, error) {
	p := &Process{name: filepath.Base(cmd.Path), cmd: cmd, ended: make(chan struct{})}
	cmd.SysProcAttr = dieWithParent()
	r, w := io.Pipe()
	cmd.Stderr = w
	if cmd.Stdout == nil {
		cmd.Stdout = w
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { p.read(r, line) })
	go func() {
		_ = cmd.Wait() // its exit status does not matter here
		_ = w.Close()
		reading.Wait() // until all of its output has been read
		close(p.ended)
	}()
	g.atEnd(p.Stop)
	return p, nil
}

func (p *Process) read(r io.Reader, line func(string)) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text := lines.Text()
		p.mu.Lock()
		p.tail = append(p.tail[max(0, len(p.tail)-maxTail+1):], text)
		p.mu.Unlock()
		if line != nil {
			line(text)
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line that is too long must not block the process
}

// Said returns the last lines that the process wrote.
func (p *Process) Said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.tail, "\n")
}

// Stop ends the process with SIGTERM, and with SIGKILL if it has not ended after patience.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// Kill ends the process as a crash would, and returns when it has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// Freeze suspends the process, as if the machine hung. Thaw resumes it.
func (p *Process) Freeze() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw resumes a frozen process.
func (p *Process) Thaw() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// CPU returns how much processor time the process has used.
func (p *Process) CPU() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("processor time of %s: %w", p.name, err)
	}
	// The 12th and 13th field after the name, which may hold anything, are user and system time.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("processor time of %s: got %q", p.name, text)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// tick is the kernel's unit of processor time.
const tick = time.Second / 100

// Ended returns a channel that is closed once the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// until repeats try until it succeeds, the process ends, ctx ends or patience runs out.
func (p *Process) until(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s: %w: %s", p.name, errEnded, p.Said())
		case <-ctx.Done():
			return fmt.Errorf("%s is not there: %w: %s", p.name, err, p.Said())
		case <-again.C:
		}
	}
}
