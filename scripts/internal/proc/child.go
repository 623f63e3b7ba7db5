package proc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// Child is this program as another process, in another role. It answers questions, each a line of
// JSON.
type Child struct {
	*Process

	mu  sync.Mutex
	in  *json.Encoder
	out *json.Decoder
}

// RoleFlag is the first argument of a child; the second is its role.
const RoleFlag = "-role"

// StartChild starts this program in a role. It is killed when ctx ends.
func (g *Group) StartChild(ctx context.Context, role string) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	cmd := exec.CommandContext(ctx, self, RoleFlag, role) //nolint:gosec // this program
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	p, err := g.start(cmd, nil)
	if err != nil {
		return nil, err
	}
	p.name = role
	return &Child{Process: p, in: json.NewEncoder(in), out: json.NewDecoder(out)}, nil
}

// envelope holds an answer, or the error in its place.
type envelope struct {
	Answer any    `json:"answer,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Ask sends the child a question, waits for its answer and decodes it into answer.
func (c *Child) Ask(question, answer any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.in.Encode(question); err != nil {
		return fmt.Errorf("ask %s: %w: %s", c.name, err, c.Said())
	}
	e := envelope{Answer: answer}
	if err := c.out.Decode(&e); err != nil {
		return fmt.Errorf("ask %s: %w: %s", c.name, err, c.Said())
	}
	if e.Error != "" {
		return fmt.Errorf("%s: %s", c.name, e.Error)
	}
	return nil
}

// Answer is the loop of a child: it answers every question until the input ends.
func Answer[Q, A any](in io.Reader, out io.Writer, answer func(Q) (A, error)) error {
	questions, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var q Q
		err := questions.Decode(&q)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read question: %w", err)
		}
		a, err := answer(q)
		e := envelope{Answer: a}
		if err != nil {
			e = envelope{Error: err.Error()}
		}
		if err := answers.Encode(e); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}
