package proc

import "syscall"

// dieWithParent has the kernel end a process with the program that started it,
// even when that is killed and stops nothing itself.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
