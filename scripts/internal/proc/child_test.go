package proc

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestAsk runs a child in a goroutine and asks it several questions, one of which it cannot answer,
// and one after it has ended.
func TestAsk(t *testing.T) {
	t.Parallel()
	in, questions := io.Pipe()
	answers, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Answer(in, out, func(n int) ([]int, error) {
			if n < 0 {
				return nil, errors.New("too little")
			}
			return []int{n, n + 1}, nil
		})
		_ = out.Close()
	}()
	c := &Child{Process: &Process{name: "adder"}, in: json.NewEncoder(questions), out: json.NewDecoder(answers)}
	for _, n := range []int{1, 5} {
		var got []int
		if err := c.Ask(n, &got); err != nil || len(got) != 2 || got[1] != n+1 {
			t.Errorf("ask %d: got %v, %v, want the number and its successor", n, got, err)
		}
	}
	var got []int
	if err := c.Ask(-1, &got); err == nil || !strings.Contains(err.Error(), "adder: too little") {
		t.Errorf("ask -1: got %v, want the child's name and its error", err)
	}
	if err := c.Ask(7, &got); err != nil || got[0] != 7 {
		t.Errorf("ask after an error: got %v, %v, want an answer", got, err)
	}
	_ = questions.Close()
	if err := <-ended; err != nil {
		t.Errorf("Answer: got %v, want no error", err)
	}
	if err := c.Ask(1, &got); err == nil {
		t.Error("ask a child that ended: got no error, want one")
	}
}
