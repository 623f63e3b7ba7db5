package providertest

import (
	"net"
	"net/http"
	"strconv"
)

// GraphFault is how the fake treats one send.
type GraphFault struct {
	// Status is answered with Body, or with an error object of Code. Default:
	// 400 if there is a Code, 200 if there is a Body only.
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
func (g *Graph) Script(faults ...GraphFault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.script = append(g.script, faults...)
}

// ScriptFor queues faults for the next sends to one phone or BSUID. They come
// before those of Script.
func (g *Graph) ScriptFor(to string, faults ...GraphFault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.scripts[to] = append(g.scripts[to], faults...)
}

// OnSend installs a function that is asked about every valid send after its
// body was read and before it is accepted; nil lets it pass. It may block, and
// call the fake. Faults that were queued come first.
func (g *Graph) OnSend(hook func(GraphSend) *GraphFault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hook = hook
}

// fault returns what is to happen to a send, nil if it is to succeed.
func (g *Graph) fault(s GraphSend) *GraphFault {
	g.mu.Lock()
	if queue := g.scripts[s.To]; len(queue) > 0 {
		f := queue[0]
		g.scripts[s.To] = queue[1:]
		g.mu.Unlock()
		return &f
	}
	if len(g.script) > 0 {
		f := g.script[0]
		g.script = g.script[1:]
		g.mu.Unlock()
		return &f
	}
	hook := g.hook
	g.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(s)
}

// suffer lets a fault happen. It reports whether the message is to be answered
// as if nothing had happened: a fault that only hangs.
func (g *Graph) suffer(w http.ResponseWriter, r *http.Request, f GraphFault) (answer bool) {
	if f.Hang {
		select {
		case <-f.Release:
		case <-r.Context().Done():
			return false
		case <-g.ctx.Done():
			return false
		}
	}
	if f.Reset {
		reset(w)
		return false
	}
	if f.Status == 0 && f.Code == 0 && f.Body == "" {
		return true
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.Code != 0 {
		status := f.Status
		if status == 0 {
			status = http.StatusBadRequest
		}
		writeGraphError(w, graphError{status: status, code: f.Code, details: f.Details})
		return false
	}
	status := f.Status
	if status == 0 {
		status = http.StatusOK
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(f.Body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(f.Body))
	return false
}

// reset cuts the connection so that the caller sees a reset.
func reset(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // cuts it less rudely
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
