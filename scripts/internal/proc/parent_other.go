//go:build !linux

package proc

import "syscall"

// dieWithParent does nothing: only Linux has this feature.
func dieWithParent() *syscall.SysProcAttr { return nil }
