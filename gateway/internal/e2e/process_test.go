package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is one running wagate.
type process struct {
	t      *testing.T
	w      *world
	cmd    *exec.Cmd
	public string // base URLs of the listeners
	admin  string
	log    *transcript
	ended  chan struct{}
	err    error // of Wait; may be read once ended is closed
}

// transcript keeps the log of a process, and reports its listeners as they are logged.
type transcript struct {
	mu        sync.Mutex
	text      bytes.Buffer
	listening chan [2]string
}

// listening matches the log line of a listener.
var listening = regexp.MustCompile(`msg=listening addr=(\S+) listener=(\w+)`)

// read reads the log until its end.
func (l *transcript) read(r io.Reader) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		l.mu.Lock()
		l.text.WriteString(line)
		l.mu.Unlock()
		if m := listening.FindStringSubmatch(line); m != nil {
			l.listening <- [2]string{m[2], "http://" + m[1]}
		}
		if err != nil {
			return
		}
	}
}

// String returns the log so far.
func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start starts a process with the world's file, waits until it is ready, and has the providers send
// their webhooks to it.
func (w *world) start() *process {
	w.t.Helper()
	p := w.launch()
	for range 2 {
		select {
		case l := <-p.log.listening:
			if l[0] == "admin" {
				p.admin = l[1]
			} else {
				p.public = l[1]
			}
		case <-p.ended:
			w.t.Fatalf("wagate exited before it listened:\n%s", p.log)
		case <-time.After(patience):
			w.t.Fatalf("wagate does not listen:\n%s", p.log)
		}
	}
	until(w.t, func() error {
		if a := p.get(p.admin+"/readyz", ""); a.status != 200 {
			return mismatch("readiness", fmt.Sprint(a.status, " ", string(a.body)), 200)
		}
		return nil
	})
	w.callbackTo(p)
	return p
}

// launch starts a process without waiting for it to be ready.
func (w *world) launch() *process {
	w.t.Helper()
	p := &process{
		t: w.t, w: w, ended: make(chan struct{}),
		log: &transcript{listening: make(chan [2]string, 2)},
		cmd: exec.Command(os.Getenv(binary), "serve", "-config", w.file, "-log-level", "debug"),
	}
	p.cmd.SysProcAttr = dieWithParent()
	r, wr, err := os.Pipe()
	if err != nil {
		w.t.Fatal(err)
	}
	p.cmd.Stderr, p.cmd.Stdout = wr, wr
	if err := p.cmd.Start(); err != nil {
		w.t.Fatalf("start wagate: %v", err)
	}
	_ = wr.Close()
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.log.read(r)
	}()
	go func() {
		p.err = p.cmd.Wait()
		<-read
		_ = r.Close()
		close(p.ended)
	}()
	w.t.Cleanup(func() {
		p.kill()
		if w.t.Failed() {
			w.t.Logf("log of process %d:\n%s", p.cmd.Process.Pid, tail(p.log.String(), 60))
		}
		if strings.Contains(p.log.String(), "DATA RACE") || strings.Contains(p.log.String(), "panic") {
			w.t.Errorf("process %d had a data race or a panic:\n%s", p.cmd.Process.Pid, p.log)
		}
	})
	return p
}

// tail returns the last lines of s.
func tail(s string, lines int) string {
	all := strings.Split(s, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// kill ends the process as a crash would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// freeze stops the process without ending it, as a hanging machine would; thaw lets it continue.
func (p *process) freeze() { p.signal(syscall.SIGSTOP) }
func (p *process) thaw()   { p.signal(syscall.SIGCONT) }

// signal sends a signal to the process.
func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signal %v: %v", s, err)
	}
}

// term asks the process to stop.
func (p *process) term() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
}

// exit waits until the process has ended and returns its exit code, which is -1 if a signal killed
// it.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("wagate does not exit:\n%s", tail(p.log.String(), 30))
	}
	if p.err == nil {
		return 0
	}
	if e, ok := errors.AsType[*exec.ExitError](p.err); ok {
		return e.ExitCode()
	}
	p.t.Fatalf("wait for wagate: %v", p.err)
	return -1
}

// command runs one of the program's commands to its end.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Getenv(binary), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("run wagate %v: %v", args, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}
