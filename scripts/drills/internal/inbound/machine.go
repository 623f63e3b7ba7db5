package inbound

import (
	"os"
	"strconv"
	"strings"
)

// ticks is the time of all the machine's processors in kernel ticks: in total, and idle.
type ticks struct{ all, idle int64 }

// machineTicks reads the ticks so far. Except on Linux they are zero.
func machineTicks() ticks {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return ticks{}
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	return parseTicks(line)
}

// parseTicks reads "cpu user nice system idle iowait irq softirq steal guest guest_nice". It leaves
// out the guest times because user and nice include them.
func parseTicks(line string) ticks {
	var t ticks
	for i, field := range strings.Fields(line) {
		if i == 0 || i > 8 {
			continue
		}
		n, _ := strconv.ParseInt(field, 10, 64)
		t.all += n
		if i == 4 || i == 5 {
			t.idle += n
		}
	}
	return t
}

// busy returns the share, from 0 to 1, of processor time since then that any process used; 0 if it
// is not known.
func (t ticks) busy(since ticks) float64 {
	all, idle := t.all-since.all, t.idle-since.idle
	if all <= 0 {
		return 0
	}
	return float64(all-idle) / float64(all)
}
