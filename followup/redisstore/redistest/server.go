package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience bounds every wait for a server. All of it is needed only when something is
// wrong: a busy machine may let a process wait for many seconds.
const patience = 2 * time.Minute

// Server is one redis-server process.
type Server struct {
	// Socket is the unix socket it listens on; empty with TCP.
	Socket string
	// Port is its port on 127.0.0.1; 0 without TCP.
	Port int

	t    testing.TB
	dir  string
	cfg  map[string]string
	args []string // behind the file

	mu  sync.Mutex
	cmd *exec.Cmd
	log *bytes.Buffer
}

// Option changes how a server is configured.
type Option func(*Server)

// Set sets one directive of redis.conf.
func Set(key, value string) Option {
	return func(s *Server) { s.cfg[key] = value }
}

// AOF turns the append-only file on, with the given appendfsync: "always" or
// "everysec". Without it nothing survives Restart.
func AOF(fsync string) Option {
	return func(s *Server) {
		s.cfg["appendonly"] = "yes"
		s.cfg["appendfsync"] = fsync
	}
}

// TCP makes the server listen on a free loopback port instead of a socket.
func TCP() Option {
	return func(s *Server) { s.Port = -1 }
}

// ReplicaOf makes the server a replica of another, which must listen on TCP.
func ReplicaOf(master *Server) Option {
	return func(s *Server) {
		s.cfg["replicaof"] = fmt.Sprintf("127.0.0.1 %d", master.Port)
		s.cfg["repl-diskless-sync-delay"] = "0"
	}
}

// Start starts a server and waits until it answers. It is stopped when the test
// ends.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	need(t)
	// Not t.TempDir: a socket's path may have 107 bytes, test names are longer.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatalf("redistest: temporary directory: %v", err)
	}
	s := &Server{t: t, dir: dir, cfg: map[string]string{
		"bind": "127.0.0.1", "save": `""`, "loglevel": "warning",
		"repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1",
	}}
	for _, o := range opts {
		o(s)
	}
	t.Cleanup(func() {
		s.Stop()
		_ = os.RemoveAll(dir)
	})
	s.first()
	return s
}

// first starts the server for the first time. A free port may be taken by
// somebody else before Redis binds it, so it tries more than one.
func (s *Server) first() {
	s.t.Helper()
	if s.Port == 0 {
		s.Socket = filepath.Join(s.dir, "s")
		s.cfg["unixsocket"] = s.Socket
		s.cfg["port"] = "0"
		s.mustStart()
		return
	}
	var err error
	for range 5 {
		s.Port = FreePort(s.t)
		s.cfg["port"] = fmt.Sprint(s.Port)
		if s.cfg["cluster-enabled"] == "yes" {
			s.cfg["cluster-port"] = fmt.Sprint(FreePort(s.t))
		}
		if err = s.start(); err == nil {
			return
		}
	}
	s.t.Fatalf("redistest: %v", err)
}

func (s *Server) mustStart() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("redistest: %v", err)
	}
}

func (s *Server) start() error {
	var conf strings.Builder
	fmt.Fprintf(&conf, "dir %s\n", s.dir)
	for k, v := range s.cfg {
		fmt.Fprintf(&conf, "%s %s\n", k, v)
	}
	file := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	s.mu.Lock()
	s.log = &bytes.Buffer{}
	cmd := exec.Command("redis-server", append([]string{file}, s.args...)...) //nolint:gosec // our own file
	cmd.Stdout, cmd.Stderr = s.log, s.log
	cmd.SysProcAttr = dieWithParent()
	s.cmd = cmd
	err := cmd.Start()
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("start redis-server: %w", err)
	}
	if err := s.ready(); err != nil {
		s.signal(syscall.SIGKILL)
		return fmt.Errorf("redis-server: %w: %s", err, s.log)
	}
	return nil
}

func (s *Server) ready() error {
	c := redis.NewClient(s.options())
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return poll(ctx, func() error {
		if !s.alive() {
			return errGone
		}
		return c.Ping(ctx).Err()
	})
}

var errGone = errors.New("process ended")

// alive asks the kernel without reaping: a zombie still has its pid, so the
// state in /proc is looked at where there is one.
func (s *Server) alive() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid()))
	if err != nil {
		return true // no /proc: the deadline decides
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// pid returns the process id, 0 when the server is down.
func (s *Server) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil || s.cmd.Process == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

// Stop ends the server in good order: it saves what it is configured to save.
// A server that is down already stays so.
func (s *Server) Stop() { s.signal(syscall.SIGTERM) }

// Kill ends the server like a crash, with SIGKILL.
func (s *Server) Kill() { s.signal(syscall.SIGKILL) }

// Restart starts a server that was stopped or killed again, on its data and at
// its old address.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.mustStart()
}

// Freeze stops the process without ending it, as a machine that hangs; Thaw
// lets it go on.
func (s *Server) Freeze() { s.send(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *Server) Thaw() { s.send(syscall.SIGCONT) }

func (s *Server) send(sig os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(sig)
	}
}

func (s *Server) signal(sig os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGCONT) // a frozen one would never hear it
	_ = s.cmd.Process.Signal(sig)
	kill := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait()
	kill.Stop()
	s.cmd = nil
}

// addr returns where the server listens: the socket's path or host:port.
func (s *Server) addr() string {
	if s.Socket != "" {
		return s.Socket
	}
	return fmt.Sprintf("127.0.0.1:%d", s.Port)
}

// URL returns the address as redis.ParseURL reads it.
func (s *Server) URL() string {
	if s.Socket != "" {
		return "unix://" + s.Socket
	}
	return "redis://" + s.addr()
}

// options returns client options for the server, without retries, so that a
// test sees the first error. That a process has to wait is none.
func (s *Server) options() *redis.Options {
	network := "tcp"
	if s.Socket != "" {
		network = "unix"
	}
	return &redis.Options{
		Network: network, Addr: s.addr(), MaxRetries: -1, DisableIdentity: true,
		DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience,
	}
}

// Client returns a client that is closed when the test ends.
func (s *Server) Client() *redis.Client {
	c := redis.NewClient(s.options())
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// poll repeats f until it succeeds, the process is gone or ctx ends.
func poll(ctx context.Context, f func() error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil || errors.Is(err, errGone) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
