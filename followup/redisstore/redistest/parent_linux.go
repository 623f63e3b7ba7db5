package redistest

import "syscall"

// dieWithParent has the kernel end the server with the test process, even when
// that panics or runs into its time-out and no cleanup runs.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
