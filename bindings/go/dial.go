package hx

import (
	"context"
	"errors"
	"time"
)

// dialsMax dials go on at once at most, as each holds a thread; further ones wait for their turn.
const dialsMax = 256

var dialRooms = make(chan struct{}, dialsMax)

// contextFailed: ctx is done.
func contextFailed(op, name string, ctx context.Context) *Error {
	code := ErrCanceled
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		code = ErrTimedOut
	}
	return &Error{Op: op, Name: name, Code: code, Cause: ctx.Err()}
}

// Dial connects to whoever holds `name`, within Config.Timeout. An error that is ErrNotFound: nobody does;
// ErrPunch: its holder was not reached. Nothing is proven yet when it returns: see Conn.Handshake.
func Dial(name string, config Config) (*Conn, error) {
	return DialContext(context.Background(), name, config)
}

// DialContext is Dial for no longer than ctx. libhx itself goes on until Config.Timeout, in the background,
// and what it then has is closed.
func DialContext(ctx context.Context, name string, config Config) (*Conn, error) {
	if err := config.complete("dial", name); err != nil {
		return nil, err
	}
	bounded := false
	if until, ok := ctx.Deadline(); ok {
		left := time.Until(until)
		if left <= 0 {
			left = time.Millisecond
		}
		if config.Timeout < 0 || left < config.Timeout {
			config.Timeout, bounded = left, true
		}
	}
	select {
	case dialRooms <- struct{}{}:
	case <-ctx.Done():
		return nil, contextFailed("dial", name, ctx)
	}
	type dialed struct {
		conn *Conn
		err  error
	}
	result := make(chan dialed, 1)
	go func() {
		defer func() { <-dialRooms }()
		conn, err := dial(name, &config)
		result <- dialed{conn, err}
	}()
	select {
	case d := <-result:
		if bounded && errors.Is(d.err, ErrTimedOut) {
			<-ctx.Done() // by a hair later than libhx's own
		}
		if d.err != nil && ctx.Err() != nil {
			return nil, contextFailed("dial", name, ctx)
		}
		return d.conn, d.err
	case <-ctx.Done():
		go func() {
			if d := <-result; d.err == nil {
				d.conn.Abort()
			}
		}()
		return nil, contextFailed("dial", name, ctx)
	}
}

func dial(name string, config *Config) (*Conn, error) {
	events := newHandler(config.OnEvent)
	defer events.leave()
	stream, code := streamConnect(config, events, name)
	if code < 0 {
		return nil, &Error{Op: "dial", Name: name, Code: code, Detail: events.said()}
	}
	return newConn(stream, events, config.Name)
}
