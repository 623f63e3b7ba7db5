package providertest

import (
	"cmp"
	"net"
	"net/http"
	"strconv"
)

// Fault is how a fake treats one send. The zero Fault lets it succeed.
type Fault struct {
	// Status is answered with Body, or with Meta's error object of Code, which
	// Gupshup hands through. Default: 400 if there is a Code, 200 if there is a
	// Body only.
	Status     int
	Code       int
	Details    string // error_data.details
	Body       string
	RetryAfter string // header

	// Hang keeps the caller waiting until Release is closed, the caller gives
	// up or the fake is closed; then the rest of the fault takes place. Reset
	// cuts the connection without an answer.
	Hang    bool
	Release <-chan struct{}
	Reset   bool
	// Accept makes the message count as sent, whatever the caller is told.
	Accept bool
}

// Script queues faults for the next sends, one each; then sends work again.
func (f *fake[Send]) Script(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script = append(f.script, faults...)
}

// next takes the first fault off a queue. The lock must be held.
func next(queue *[]Fault) (Fault, bool) {
	if len(*queue) == 0 {
		return Fault{}, false
	}
	first := (*queue)[0]
	*queue = (*queue)[1:]
	return first, true
}

// play lets a fault happen to a send, which accept enters into the account. It
// reports whether the send is to be answered as if nothing had happened: if the
// fault does nothing, or only hangs.
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

// Reset cuts the connection so that the caller sees a reset.
func Reset(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // cuts it less rudely
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
