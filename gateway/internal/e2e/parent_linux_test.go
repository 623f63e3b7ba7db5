package e2e

import "syscall"

// dieWithParent has the kernel end a process with the tests, even when they
// panic or run into their time-out and no cleanup runs.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
