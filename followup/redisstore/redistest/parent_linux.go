package redistest

import "syscall"

// dieWithParent makes the kernel kill the server when the test process ends, even if the process
// panics or times out and no cleanup runs.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
