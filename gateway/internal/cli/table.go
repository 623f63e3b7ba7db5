package cli

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// pageFlags declares -limit and -offset. The function returned reads them into a query.
func (fs *flagSet) pageFlags() func() url.Values {
	limit, offset := fs.Int("limit", 50, "how many to list"), fs.Int("offset", 0, "how many to skip first")
	return func() url.Values {
		return url.Values{"limit": {strconv.Itoa(*limit)}, "offset": {strconv.Itoa(*offset)}}
	}
}

// table prints rows under a heading. If there are none, it says so; what names them.
func (s *shell) table(what string, heading []string, rows [][]string) {
	if len(rows) == 0 {
		fmt.Fprintf(s.Stdout, "no %s\n", what)
		return
	}
	t := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{heading}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.ReplaceAll(printable(cell), "\n", " ")
		}
		fmt.Fprintln(t, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	_ = t.Flush() // a closed terminal is no reason to fail
}

// printable drops the characters that a terminal would act on: the text may contain what strangers
// wrote.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		return -1
	}, s)
}

// at formats an instant for a table; a zero one is "-".
func at(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
