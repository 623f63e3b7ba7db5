package proc

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// newGroup returns a group that is closed when the test ends.
func newGroup(t *testing.T) *Group {
	t.Helper()
	g, err := New("proc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// TestClose: neither a process nor a file may outlive its group.
func TestClose(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	began := make(chan string, 1)
	p, err := g.start(exec.CommandContext(t.Context(), "/bin/sh", "-c", "echo began; exec sleep 3600"), func(line string) { began <- line })
	if err != nil {
		t.Fatal(err)
	}
	if got := <-began; got != "began" {
		t.Fatalf("first line: got %q, want began", got)
	}
	if err := os.WriteFile(g.Path("x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("process: got %v, want it to be done", err)
	}
	if _, err := os.Stat(g.Path("x")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("file: got %v, want it to be gone", err)
	}
}

// TestUntilEnded: waiting for a process that dies must end with an error that holds what the
// process wrote.
func TestUntilEnded(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	p, err := g.start(exec.CommandContext(t.Context(), "/bin/sh", "-c", "echo no luck >&2; exit 3"), nil)
	if err != nil {
		t.Fatal(err)
	}
	<-p.ended
	never := errors.New("not there")
	err = p.until(t.Context(), func(context.Context) error { return never })
	if !errors.Is(err, errEnded) || !strings.Contains(err.Error(), "no luck") {
		t.Errorf("got %v, want errEnded with what the process wrote", err)
	}
}

// TestRefused: an address that refuses connections must stay taken, so that nobody else listens
// there.
func TestRefused(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	addr, err := g.Refused()
	if err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) { //nolint:noctx // refused at once
		t.Errorf("connect: got %v, %v, want it refused", c, err)
	}
	if l, err := net.Listen("tcp", addr); !errors.Is(err, syscall.EADDRINUSE) { //nolint:noctx // a local bind
		t.Errorf("listen: got %v, %v, want the address in use", l, err)
	}
}

// TestCPU: a process that works must show processor time, whatever its name contains.
func TestCPU(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	shell := g.Path("a) b (c")
	if err := os.Symlink("/bin/sh", shell); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	cmd := exec.CommandContext(t.Context(), shell, "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; read x")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	p, err := g.start(cmd, func(line string) { ready <- line })
	if err != nil {
		t.Fatal(err)
	}
	<-ready
	if used, err := p.CPU(); err != nil || used <= 0 {
		t.Errorf("got %s, %v, want more than nothing", used, err)
	}
}
