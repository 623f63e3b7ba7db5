// Package modeltest is a model for tests and for the demo: a server that speaks
// OpenAI's chat completions over real HTTP on loopback and answers what it is
// told to.
package modeltest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Message is one message of a request.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Request is one request as it arrived.
type Request struct {
	Model    string    `json:"model"`
	Messages []Message `json:"messages"`

	Authorization string      `json:"-"`
	Header        http.Header `json:"-"`
	Path          string      `json:"-"`
	Body          string      `json:"-"`
}

// Text returns all that the request says, for simple checks.
func (r Request) Text() string {
	var parts []string
	for _, m := range r.Messages {
		parts = append(parts, m.Content)
	}
	return strings.Join(parts, "\n")
}

// Answer is what to answer a request with. The zero Answer is an empty text.
type Answer struct {
	Text   string
	Finish string // finish_reason; default stop
	// Status other than 200 answers with an error in OpenAI's shape whose code
	// is Code and whose message is Text.
	Status int
	Code   string
	Header http.Header
	// Raw, if not empty, is the body as it stands.
	Raw string
	// Drop closes the connection without an answer.
	Drop bool
	// Delay and Hold keep the answer back: for a while, and until the channel
	// is closed. A client that goes away ends both.
	Delay time.Duration
	Hold  <-chan struct{}
}

// Server is a running model.
type Server struct {
	http    *http.Server
	url     string
	arrived chan Request

	mu       sync.Mutex
	script   []Answer
	fallback func(Request) Answer
	requests []Request
}

// arrivedSize is how many arrivals are kept for who looks at them late.
const arrivedSize = 1024

// Start starts a model that answers the script in order, and then what
// fallback says; a nil fallback answers status 500.
func Start(fallback func(Request) Answer, script ...Answer) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("modeltest: listen: %w", err)
	}
	s := &Server{url: "http://" + l.Addr().String() + "/v1", arrived: make(chan Request, arrivedSize), script: script, fallback: fallback}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(l) }() // ends with Close
	return s, nil
}

// URL is the base URL, /v1 included.
func (s *Server) URL() string { return s.url }

// Script adds answers to be given next, before the fallback.
func (s *Server) Script(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, answers...)
}

// Arrived tells of each request when it has arrived and before it is answered,
// also before Hold. Arrivals nobody looks at are dropped once it is full.
func (s *Server) Arrived() <-chan Request { return s.arrived }

// Requests returns the requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Forget drops the requests so far, for whoever makes very many.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Close stops the server and drops what is under way.
func (s *Server) Close() error { return s.http.Close() }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	req := Request{Authorization: r.Header.Get("Authorization"), Header: r.Header.Clone(), Path: r.URL.Path, Body: string(body)}
	if err == nil {
		err = json.Unmarshal(body, &req)
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/chat/completions" {
		http.Error(w, "no chat completion", http.StatusBadRequest)
		return
	}
	a := s.next(req)
	select {
	case s.arrived <- req:
	default:
	}
	if !wait(r.Context(), a) || a.Drop {
		panic(http.ErrAbortHandler)
	}
	write(w, req, a)
}

func (s *Server) next(req Request) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, req)
	if len(s.script) > 0 {
		a := s.script[0]
		s.script = s.script[1:]
		return a
	}
	if s.fallback == nil {
		return Answer{Status: http.StatusInternalServerError, Text: "no answer left"}
	}
	return s.fallback(req)
}

// wait keeps the answer back; false if the client went away.
func wait(ctx context.Context, a Answer) bool {
	if a.Delay > 0 {
		t := time.NewTimer(a.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return false
		}
	}
	if a.Hold == nil {
		return true
	}
	select {
	case <-a.Hold:
		return true
	case <-ctx.Done():
		return false
	}
}

func write(w http.ResponseWriter, req Request, a Answer) {
	maps.Copy(w.Header(), a.Header)
	w.Header().Set("Content-Type", "application/json")
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	if a.Raw != "" {
		_, _ = io.WriteString(w, a.Raw)
		return
	}
	if status != http.StatusOK {
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": a.Text, "type": "error", "code": a.Code}})
		return
	}
	finish := a.Finish
	if finish == "" {
		finish = "stop"
	}
	in, out := len(req.Text())/4, len(a.Text)/4
	_ = json.NewEncoder(w).Encode(map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": req.Model,
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": finish, "message": Message{Role: "assistant", Content: a.Text},
		}},
		"usage": map[string]int{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out},
	})
}
