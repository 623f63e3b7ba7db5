package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// conn is a keep-alive connection for one request at a time.
type conn struct {
	net.Conn

	buf []byte
}

// errAnswer says that the server's answer is not one that a server under test gives.
var errAnswer = errors.New("load: not an answer")

// maxAnswer bounds an answer, whose body is empty.
const maxAnswer = 8 << 10

func dial(ctx context.Context, addr string) (*conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &conn{Conn: c, buf: make([]byte, maxAnswer)}, nil
}

// do sends a request and returns the status of its answer.
func (c *conn) do(request []byte) (int, error) {
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	n := 0
	for {
		m, err := c.Read(c.buf[n:])
		if err != nil {
			return 0, err
		}
		n += m
		status, size, err := answer(c.buf[:n])
		if err != nil || n > size && size > 0 || n == len(c.buf) && n != size {
			return 0, errors.Join(errAnswer, err)
		}
		if n == size {
			return status, nil
		}
	}
}

var (
	headerEnd = []byte("\r\n\r\n")
	lengthKey = []byte("\r\nContent-Length: ")
)

// answer returns the status of an answer and its total size; size is zero while the header is
// incomplete.
func answer(b []byte) (status, size int, err error) {
	header := bytes.Index(b, headerEnd)
	if header < 0 {
		return 0, 0, nil
	}
	if !bytes.HasPrefix(b, []byte("HTTP/1.1 ")) || header < 12 {
		return 0, 0, errAnswer
	}
	status, err = strconv.Atoi(string(b[9:12]))
	if err != nil {
		return 0, 0, errAnswer
	}
	at := bytes.Index(b[:header], lengthKey)
	if at < 0 {
		return 0, 0, errAnswer
	}
	digits := b[at+len(lengthKey) : header]
	if end := bytes.IndexByte(digits, '\r'); end >= 0 {
		digits = digits[:end]
	}
	length, err := strconv.Atoi(string(digits))
	if err != nil || length < 0 {
		return 0, 0, errAnswer
	}
	return status, header + len(headerEnd) + length, nil
}

// giveUp ends whatever the connection waits for.
func (c *conn) giveUp() { _ = c.SetDeadline(time.Unix(1, 0)) }
