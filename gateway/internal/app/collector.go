package app

import "os"

// spared is how many more bytes of garbage than usual may pile up before the garbage collector
// runs. Go lets as much pile up as is in use. That is little here, and each webhook leaves much
// garbage: the collector would run dozens of times a second, and webhooks would wait for it.
const spared = 32 << 20

// spareCollector returns memory that the garbage collector counts as in use, so that it runs later.
// The memory is never touched and therefore costs nothing; the garbage that piles up meanwhile does
// cost memory. Raising GOGC instead would cost several times as much if much memory is in use,
// because it is a percentage of that. spareCollector returns nil if the operator has set GOGC or
// GOMEMLIMIT, and leaves the collector to those settings.
func spareCollector() []byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, spared)
}
