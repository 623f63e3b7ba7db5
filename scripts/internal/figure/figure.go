package figure

import (
	"fmt"
	"io"
	"math"
	"strconv"
)

// Aim is the bound that a figure should keep.
type Aim struct {
	op    string
	value float64
}

// AtLeast returns the aim of a figure that should be v or more.
func AtLeast(v float64) Aim { return Aim{">=", v} }

// AtMost returns the aim of a figure that should be v or less.
func AtMost(v float64) Aim { return Aim{"<=", v} }

// holds reports whether v meets the aim. It judges the value itself, not its rounded print. NaN,
// which stands for a figure that could not be measured, meets no aim.
func (a Aim) holds(v float64) bool {
	if a.op == ">=" {
		return v >= a.value
	}
	return v <= a.value
}

// figure is one line of the result.
type figure struct {
	name  string
	value float64
	aim   *Aim
}

// Sheet collects figures. Use NewSheet: the zero value cannot print.
type Sheet struct {
	out     io.Writer
	figures []figure
}

// NewSheet returns an empty sheet that prints to out.
func NewSheet(out io.Writer) *Sheet { return &Sheet{out: out} }

// Printf prints progress.
func (s *Sheet) Printf(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

// Figure adds a figure that has no aim.
func (s *Sheet) Figure(name string, value float64) {
	s.figures = append(s.figures, figure{name: name, value: value})
}

// Judge adds a figure with its aim.
func (s *Sheet) Judge(name string, value float64, aim Aim) {
	s.figures = append(s.figures, figure{name: name, value: value, aim: &aim})
}

// End prints the figures, those without an aim first, and then how many aims are met. It reports
// whether all are.
func (s *Sheet) End() bool {
	for _, f := range s.figures {
		if f.aim == nil {
			s.Printf("figure %s %s\n", f.name, number(f.value))
		}
	}
	aims, hold := 0, 0
	for _, f := range s.figures {
		if f.aim == nil {
			continue
		}
		aims++
		verdict := "short"
		if f.aim.holds(f.value) {
			verdict = "ok"
			hold++
		}
		s.Printf("figure %s %s aim %s%s %s\n", f.name, number(f.value), f.aim.op, plain(f.aim.value), verdict)
	}
	s.Printf("%d of %d hold\n", hold, aims)
	return hold == aims
}

// number formats v with at least three significant digits and never with an exponent.
func number(v float64) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v):
		return "unknown"
	case size >= 100:
		return fmt.Sprintf("%.0f", v)
	case size >= 10:
		return fmt.Sprintf("%.1f", v)
	case size >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// plain formats an aim as it was set.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
