package hx

import (
	"context"
	"os"
	"syscall"
	"time"
)

// readiness is one of libhx's descriptors, as a duplicate that the runtime polls: who waits for it holds no
// thread, and is woken by a deadline and by close.
type readiness struct {
	file *os.File
	raw  syscall.RawConn
}

func newReadiness(fd int) (*readiness, error) {
	if fd < 0 {
		return nil, Code(fd)
	}
	own, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return nil, errno
	}
	r := &readiness{file: os.NewFile(own, "hx")}
	err := r.file.SetDeadline(time.Time{}) // fails if it is not polled
	if err == nil {
		r.raw, err = r.file.SyscallConn()
	}
	if err != nil {
		r.file.Close()
		return nil, err
	}
	return r, nil
}

// await calls `try`, one caller at a time, until it is not HX_EAGAIN, and returns what it was then. libhx
// makes the descriptor quiet when it says HX_EAGAIN and readable after it, so the poller's edges are enough.
func (r *readiness) await(try func() int) (int, error) {
	result := int(ErrAgain)
	err := r.raw.Read(func(uintptr) bool {
		result = try()
		return result != int(ErrAgain)
	})
	return result, err
}

// awaitMore is await for a `try` that does several things: it returns true when it is done.
func (r *readiness) awaitMore(try func() bool) error {
	return r.raw.Read(func(uintptr) bool { return try() })
}

func (r *readiness) setDeadline(t time.Time) error { return r.file.SetReadDeadline(t) }

// awaitContext is awaitMore on a descriptor of its own, until ctx is done or `closing` is closed: what it
// returns is then an error.
func awaitContext(ctx context.Context, closing <-chan struct{}, fd func() (*readiness, error), try func() bool) error {
	wait, err := fd()
	if err != nil {
		return err
	}
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-ctx.Done():
		case <-closing:
		case <-over:
		}
		wait.close()
	}()
	return wait.awaitMore(try)
}

// close wakes whoever waits, and returns when all have left.
func (r *readiness) close() { r.file.Close() }
