package proc

import (
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// Refused returns an address that refuses every connection for as long as the group lasts: its port
// is taken, but nobody listens on it.
func (g *Group) Refused() (string, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return "", fmt.Errorf("take a port: %w", err)
	}
	g.atEnd(func() { _ = syscall.Close(fd) })
	syscall.CloseOnExec(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "", fmt.Errorf("take a port: %w", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return "", fmt.Errorf("take a port: %w", err)
	}
	at, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		return "", fmt.Errorf("take a port: unexpected address %T", name)
	}
	return net.JoinHostPort(loopback, strconv.Itoa(at.Port)), nil
}
