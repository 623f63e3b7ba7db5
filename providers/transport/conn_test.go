package transport

import (
	"errors"
	"net"
	"testing"
)

// A sealed connection never writes again, not even a write that was waiting.
func TestI6SealedConnectionIsSilent(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := &conn{Conn: ours}
	done := make(chan error)
	go func() {
		_, err := c.Write([]byte("nobody reads this"))
		done <- err
	}()
	if n := c.seal(); n != 0 {
		t.Errorf("got %d bytes written, want 0", n)
	}
	if err := <-done; err == nil {
		t.Error("got the waiting write succeed, want an error")
	}
	if n, err := c.Write([]byte("late")); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %d, %v, want 0, net.ErrClosed", n, err)
	}
	if n := c.count(); n != 0 {
		t.Errorf("got %d bytes written, want 0", n)
	}
}

// A connection that does not count its bytes is no proof that nothing was written.
func TestUnknownConnectionMayHaveWritten(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	if counted(ours) != nil {
		t.Error("got a plain connection taken for a counting one, want it unknown")
	}
	if w := (&witness{lost: true}); !w.wrote() {
		t.Error("lost connection: got nothing written, want maybe")
	}
	if w := (&witness{}); w.wrote() {
		t.Error("no connection: got maybe written, want nothing written")
	}
}
