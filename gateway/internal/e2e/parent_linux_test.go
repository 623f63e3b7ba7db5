package e2e

import "syscall"

// dieWithParent has the kernel kill a process when the tests end, even if they panic or time out
// and no cleanup runs.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
