//go:build !linux

package e2e

import "syscall"

// dieWithParent does nothing: only Linux can kill a process when its parent ends.
func dieWithParent() *syscall.SysProcAttr { return nil }
