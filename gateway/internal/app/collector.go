package app

import "os"

// spared is how many bytes are dropped before the collector runs, beyond what Go waits for: as many as
// are in use. That is little, and what is dropped with each webhook is much: the collector would run dozens of
// times a second, and webhooks would wait for it.
const spared = 32 << 20

// spareCollector returns memory that the collector takes for in use, and so waits that long. Nobody touches
// it, so it takes none; what is dropped meanwhile does. GOGC is a share of what is in use, and would take several times
// as much where that is much. An operator who sets it, or GOMEMLIMIT, has it his way.
func spareCollector() []byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, spared)
}
