package providertest

import (
	"cmp"
	"net"
	"net/http"
	"strconv"
)

// Fault is how a fake treats one send. The zero Fault lets the send succeed.
type Fault struct {
	// Status is the status of an answer with Body or, if Code is set, with Meta's error object for
	// Code, which Gupshup passes on. Default: 400 if there is a Code, 200 if there is only a Body.
	Status     int
	Code       int
	Details    string // error_data.details
	Body       string
	RetryAfter string // header

	// Hang keeps the caller waiting until Release is closed, the caller gives up or the fake is
	// closed. After a release, the rest of the fault takes place. Reset resets the connection
	// without an answer.
	Hang    bool
	Release <-chan struct{}
	Reset   bool
	// Accept makes the message count as sent, whatever the caller is told.
	Accept bool
}

// Script queues faults for the next sends, one for each. After them, sends succeed again.
func (f *fake[Send]) Script(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script = append(f.script, faults...)
}

// next removes and returns the first fault of a queue. The lock must be held.
func next(queue *[]Fault) (Fault, bool) {
	if len(*queue) == 0 {
		return Fault{}, false
	}
	first := (*queue)[0]
	*queue = (*queue)[1:]
	return first, true
}

// play applies a fault to a send, and calls accept if the message counts as sent. It returns true
// if the send must be answered normally: the fault does nothing, or only hangs.
func (f *fake[Send]) play(w http.ResponseWriter, r *http.Request, fault Fault, accept func()) (answer bool) {
	if fault.Accept {
		accept()
	}
	if !f.suffer(w, r, fault) {
		return false
	}
	if !fault.Accept {
		accept()
	}
	return true
}

func (f *fake[Send]) suffer(w http.ResponseWriter, r *http.Request, fault Fault) (answer bool) {
	if fault.Hang {
		select {
		case <-fault.Release:
		case <-r.Context().Done():
			return false
		case <-f.ctx.Done():
			return false
		}
	}
	if fault.Reset {
		Reset(w)
		return false
	}
	if fault.Status == 0 && fault.Code == 0 && fault.Body == "" {
		return true
	}
	if fault.RetryAfter != "" {
		w.Header().Set("Retry-After", fault.RetryAfter)
	}
	if fault.Code != 0 {
		writeGraphError(w, graphError{
			status: cmp.Or(fault.Status, http.StatusBadRequest), code: fault.Code, details: fault.Details,
		})
		return false
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(fault.Body)))
	w.WriteHeader(cmp.Or(fault.Status, http.StatusOK))
	_, _ = w.Write([]byte(fault.Body))
	return false
}

// Reset closes the connection so that the caller sees a reset.
func Reset(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // closes it without a reset
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
