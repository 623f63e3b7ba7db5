package inbound

import (
	"os"
	"strconv"
	"strings"
)

// ticks is what the machine's processors have spent, in ticks of the kernel: on all,
// and on nothing.
type ticks struct{ all, idle int64 }

// machineTicks reads them where Linux tells; elsewhere they are zero.
func machineTicks() ticks {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return ticks{}
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	return parseTicks(line)
}

// parseTicks reads "cpu user nice system idle iowait irq softirq steal guest guest_nice"; a
// guest's are the user's already.
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

// busy is how much of the time since then was spent on anything, by anybody, from 0
// to 1; 0 where nobody knows.
func (t ticks) busy(since ticks) float64 {
	all, idle := t.all-since.all, t.idle-since.idle
	if all <= 0 {
		return 0
	}
	return float64(all-idle) / float64(all)
}
