package bench

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// Touch writes to most bytes of free memory, but at most half of it, and frees them. In a virtual
// machine the first touch of a page goes to the host. A Redis that grows into untouched memory
// spends a third of its time on that, and whatever runs after it in the same pages does not.
func Touch(most int) error {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return nil // not Linux; what runs first is at a disadvantage
	}
	_, free, _ := bytes.Cut(info, []byte("MemFree:"))
	var kb int
	if _, err := fmt.Fscanf(bytes.NewReader(free), "%d", &kb); err != nil {
		return fmt.Errorf("read free memory: %w", err)
	}
	b, err := syscall.Mmap(-1, 0, min(most, kb<<10/2), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return fmt.Errorf("map memory: %w", err)
	}
	for i := 0; i < len(b); i += os.Getpagesize() {
		b[i] = 1
	}
	return syscall.Munmap(b)
}
