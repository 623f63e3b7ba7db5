package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// narrator prints the story: one line for each thing that happens, as it happens.
type narrator struct {
	out    io.Writer
	colour bool

	mu  sync.Mutex
	cal calendar
}

// The colours, as escape sequences for the terminal's own scheme.
const (
	plain  = ""
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	blue   = "\x1b[34m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

// newNarrator returns a narrator that prints to out. It uses colours if out is a terminal, unless
// NO_COLOR is set or the terminal is dumb.
func newNarrator(out io.Writer) *narrator {
	return &narrator{out: out, colour: isTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// begins sets the instant at which the story begins.
func (n *narrator) begins(at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cal = calendar{begin: at}
}

// stamp formats an instant in the story's calendar.
func (n *narrator) stamp(t time.Time) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cal.stamp(t)
}

// opening says which instant of the API the beginning of the story is.
func (n *narrator) opening() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cal.stamp(n.cal.begin) + " is " + n.cal.begin.UTC().Format(time.RFC3339)
}

// The widths of the columns of a line.
const (
	stampWidth = 13
	whoWidth   = 17
)

// tell prints a line about what somebody did at an instant.
func (n *narrator) tell(at time.Time, colour, who, format string, args ...any) {
	line := n.paint(dim, pad(n.stamp(at), stampWidth)) + n.paint(colour, pad(who, whoWidth)) + fmt.Sprintf(format, args...)
	n.print("  " + line)
}

// chapter prints the heading of a part of the story.
func (n *narrator) chapter(title string) { n.print("\n" + n.paint(bold, title)) }

// print writes lines as they are.
func (n *narrator) print(lines ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintln(n.out, strings.Join(lines, "\n"))
}

func (n *narrator) paint(colour, text string) string {
	if !n.colour || colour == plain {
		return text
	}
	return colour + text + reset
}

// pad pads a text with spaces to a width in characters, with at least one space.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(1, width-utf8.RuneCountInString(text)))
}

// table formats rows so that their columns line up. The first row is the heading.
func table(rows [][]string) []string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	lines := make([]string, 0, len(rows))
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(pad(cell, widths[i]+2))
		}
		lines = append(lines, "  "+strings.TrimRight(line.String(), " "))
	}
	return lines
}

// quote returns a text in quotation marks, shortened and on one line.
func quote(text string) string {
	const most = 100
	if r := []rune(text); len(r) > most {
		text = string(r[:most-1]) + "…"
	}
	return "“" + strings.Join(strings.Fields(text), " ") + "”"
}
