package proc

import "syscall"

// dieWithParent makes the kernel kill a process when the program that started it ends, even if that
// program is killed and cannot stop anything itself.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
