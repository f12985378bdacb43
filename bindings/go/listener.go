package hx

import (
	"net"
	"runtime"
	"sync"
	"time"
)

// Listener holds a name and accepts connections: a net.Listener.
type Listener struct {
	events *handler
	name   string
	ready  *readiness

	guard    sync.RWMutex // held for reading while listener is in use elsewhere than in Accept
	listener *nativeListener
	closed   bool
}

var _ net.Listener = (*Listener)(nil)

// Listen binds `name` at the nameserver and returns when that has agreed, or after Config.Timeout. From then
// on the name is kept bound, whatever becomes of the nameserver or of this host's address, until Close. An
// error that is ErrConflict: the name is held by somebody who is alive.
func Listen(name string, config Config) (*Listener, error) {
	if err := config.complete("listen", name); err != nil {
		return nil, err
	}
	l := &Listener{events: newHandler(config.OnEvent), name: name}
	var code Code
	l.listener, code = listenerBind(&config, l.events, name)
	if code < 0 {
		l.events.leave()
		return nil, &Error{Op: "listen", Name: name, Code: code, Detail: l.events.said()}
	}
	var err error
	if l.ready, err = newReadiness(listenerFD(l.listener)); err != nil {
		listenerClose(l.listener)
		l.events.leave()
		return nil, &Error{Op: "listen", Name: name, Code: ErrSystem, Cause: err}
	}
	runtime.SetFinalizer(l, (*Listener).Close)
	return l, nil
}

// Accept returns the next connection, as a *Conn: punched, nothing read or proven yet. What it serves should
// begin with Conn.Handshake, or a first Read, with a deadline, not in the loop that accepts.
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.AcceptConn()
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// AcceptConn is Accept for who wants a *Conn.
func (l *Listener) AcceptConn() (*Conn, error) {
	var stream *nativeStream
	code, err := l.ready.await(func() (code int) {
		stream, code = listenerAccept(l.listener)
		return code
	})
	if err != nil {
		return nil, waitFailed("accept", l.name, err)
	} else if code < 0 {
		return nil, &Error{Op: "accept", Name: l.name, Code: Code(code)}
	}
	return newConn(stream, l.events, l.name)
}

// SetDeadline is of Accept.
func (l *Listener) SetDeadline(t time.Time) error {
	if l.ready.setDeadline(t) != nil {
		return &Error{Op: "set a deadline", Name: l.name, Code: ErrCanceled}
	}
	return nil
}

// Close gives the name back, wakes Accept and closes what waits there. Accepted connections live on. A
// listener that is forgotten is closed in the end, as those of net are.
func (l *Listener) Close() error {
	l.ready.close()
	l.guard.Lock()
	defer l.guard.Unlock()
	if l.closed {
		return &Error{Op: "close", Name: l.name, Code: ErrCanceled}
	}
	runtime.SetFinalizer(l, nil)
	listenerClose(l.listener)
	l.closed = true
	l.events.leave()
	return nil
}

// Addr has the name and our external address as the nameserver saw it last.
func (l *Listener) Addr() net.Addr {
	l.guard.RLock()
	defer l.guard.RUnlock()
	if l.closed {
		return Addr{l.name, "-"}
	}
	return Addr{l.name, listenerExternal(l.listener)}
}
