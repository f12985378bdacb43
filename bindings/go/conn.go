package hx

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// copyBuffer is what ReadFrom and WriteTo pass at once: several records of TLS for each wait.
const copyBuffer = 256 << 10

// closersMax threads wait at most for peers to read what closed connections have written.
const closersMax = 32

var (
	closers     sync.WaitGroup
	closerRooms = make(chan struct{}, closersMax)
)

// Addr of a listener or of one side of a connection.
type Addr struct {
	Name    string // which it has at the nameserver; may be ""
	Address string // "ip:port" as its NAT shows it, "tcp" if the nameserver has not seen one, or "-"
}

// Network is "hx".
func (Addr) Network() string { return "hx" }

// String is the address, "ip:port".
func (a Addr) String() string { return a.Address }

// Conn is a connection to a peer: a net.Conn. All its methods may be called from several goroutines at once.
type Conn struct {
	events             *handler
	readable, writable *readiness
	name               string
	local, remote      Addr

	guard   sync.RWMutex // held for reading while stream is in use elsewhere than in the waits
	stream  *nativeStream
	closing chan struct{} // closed by Close
	closed  atomic.Bool
	ended   atomic.Bool // our direction
	eof     atomic.Bool
}

var (
	_ net.Conn      = (*Conn)(nil)
	_ io.ReaderFrom = (*Conn)(nil)
	_ io.WriterTo   = (*Conn)(nil)
)

// newConn owns `stream` from now on, whatever it returns.
func newConn(stream *nativeStream, events *handler, ownName string) (*Conn, error) {
	c := &Conn{events: events.keep(), stream: stream, closing: make(chan struct{}),
		name: streamPeer(stream)}
	c.local = Addr{ownName, streamExternal(stream)}
	c.remote = Addr{c.name, streamPeerAddress(stream)}
	var err error
	if c.readable, err = newReadiness(streamFD(stream)); err == nil {
		if c.writable, err = newReadiness(streamWriteFD(stream)); err == nil {
			runtime.SetFinalizer(c, (*Conn).Close)
			return c, nil
		}
		c.readable.close()
	}
	events.leave()
	streamClose(stream)
	return nil, &Error{Op: "connect", Name: c.name, Code: ErrSystem, Cause: err}
}

func (c *Conn) fail(op string, code Code) error {
	return &Error{Op: op, Name: c.name, Code: code}
}

// waitFailed: a wait of the runtime's poller ended with err.
func waitFailed(op, name string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &Error{Op: op, Name: name, Code: ErrTimedOut}
	}
	return &Error{Op: op, Name: name, Code: ErrCanceled}
}

// Read returns io.EOF after the peer's CloseWrite or Close, and an error that is ErrClosed if the connection
// broke without one. With keys it first finishes the proof that the peer has one of them: see Handshake.
func (c *Conn) Read(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, c.fail("read", ErrCanceled)
	}
	if c.eof.Load() {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	got, err := c.readable.await(func() int {
		return streamRead(c.stream, p)
	})
	switch {
	case err != nil:
		return 0, waitFailed("read", c.name, err)
	case got == 0:
		c.eof.Store(true)
		return 0, io.EOF
	case got < 0:
		return 0, c.fail("read", Code(got))
	}
	return got, nil
}

// Write returns when libhx has taken all of p; it is sent in the background.
func (c *Conn) Write(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, c.fail("write", ErrCanceled)
	}
	if c.ended.Load() {
		return 0, &Error{Op: "write", Name: c.name, Code: ErrInvalid, Cause: io.ErrClosedPipe}
	}
	done, code := 0, 0
	err := c.writable.awaitMore(func() bool {
		for done < len(p) {
			put := streamWrite(c.stream, p[done:])
			if put < 0 {
				code = put
				return put != int(ErrAgain)
			}
			done += put
		}
		return true
	})
	switch {
	case done == len(p):
		return done, nil
	case err != nil:
		return done, waitFailed("write", c.name, err)
	}
	return done, c.fail("write", Code(code))
}

// ReadFrom sends all of r; io.Copy uses it.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	return pass(writerOnly{c}, r)
}

// WriteTo writes to w all that comes; io.Copy uses it.
func (c *Conn) WriteTo(w io.Writer) (int64, error) {
	return pass(w, readerOnly{c})
}

type writerOnly struct{ io.Writer }
type readerOnly struct{ io.Reader }

func pass(w io.Writer, r io.Reader) (int64, error) {
	return io.CopyBuffer(w, r, make([]byte, copyBuffer))
}

// Handshake finishes the proof that both sides have the same key, which Read and Write else do themselves.
// Without keys it returns nil at once. An error that is ErrAuth: the peer does not have the key. It ends when
// ctx does.
func (c *Conn) Handshake(ctx context.Context) error {
	var result error
	err := awaitContext(ctx, c.closing, func() (wait *readiness, err error) {
		return wait, c.use("handshake", func(s *nativeStream) error {
			wait, err = newReadiness(streamFD(s))
			return err
		})
	}, func() bool {
		result = c.use("handshake", func(s *nativeStream) error {
			if code := streamProve(s); code < 0 {
				return code
			}
			return nil
		})
		return !errors.Is(result, ErrAgain)
	})
	var told *Error
	switch {
	case err == nil:
		return result
	case errors.As(err, &told):
		return err
	case ctx.Err() != nil:
		return contextFailed("handshake", c.name, ctx)
	}
	return waitFailed("handshake", c.name, err)
}

// use calls `f` with the stream while nobody frees it; an error of it gets its place.
func (c *Conn) use(op string, f func(s *nativeStream) error) error {
	c.guard.RLock()
	defer c.guard.RUnlock()
	if c.closed.Load() {
		return c.fail(op, ErrCanceled)
	}
	err := f(c.stream)
	var code Code
	if errors.As(err, &code) {
		return &Error{Op: op, Name: c.name, Code: code}
	} else if err != nil {
		return &Error{Op: op, Name: c.name, Code: ErrSystem, Cause: err}
	}
	return nil
}

// CloseWrite ends our direction: the peer reads what was written, then io.EOF. Reading goes on.
func (c *Conn) CloseWrite() error {
	return c.use("end", func(s *nativeStream) error {
		if code := streamEnd(s); code < 0 {
			return code
		}
		c.ended.Store(true)
		return nil
	})
}

// Close wakes whoever reads or writes, and ends the connection. After CloseWrite it waits until the peer's
// program has read all that was written, and returns nil only then (Config.Linger bounds how long nothing may
// move). Without, it returns at once, and what was written is sent in the background, for so long as the
// program lives or until Cleanup.
func (c *Conn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return c.fail("close", ErrCanceled)
	}
	runtime.SetFinalizer(c, nil)
	close(c.closing)
	c.readable.close()
	c.writable.close()
	c.guard.Lock() // nobody uses it any more
	c.guard.Unlock()
	if c.ended.Load() {
		if code := c.finish(); code < 0 {
			return c.fail("close", code)
		}
		return nil
	}
	streamEnd(c.stream)
	closers.Add(1)
	go func() {
		defer closers.Done()
		closerRooms <- struct{}{}
		c.finish()
		<-closerRooms
	}()
	return nil
}

func (c *Conn) finish() Code {
	defer c.events.leave()
	return streamClose(c.stream)
}

// Abort ends the connection at once; bytes may be lost in both directions.
func (c *Conn) Abort() error {
	err := c.use("abort", func(s *nativeStream) error {
		streamAbort(s)
		return nil
	})
	if err == nil {
		err = c.Close()
	}
	return err
}

// SetDeadline sets both deadlines. As with every net.Conn: an absolute time, for calls that wait now, too;
// zero: none.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline is of Read.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(c.readable, t) }

// SetWriteDeadline is of Write.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(c.writable, t) }

func (c *Conn) setDeadline(r *readiness, t time.Time) error {
	if r.setDeadline(t) != nil {
		return c.fail("set a deadline", ErrCanceled)
	}
	return nil
}

// LocalAddr has our external address.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr has the peer's name and its address, as its NAT shows it.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// PeerName is the name that the peer gave to the nameserver, maybe "". It has not been proven, keys are.
func (c *Conn) PeerName() string { return c.name }

// PeerLabel is the label of the key that the peer has proven to have, "" before Handshake, Read or Write, or
// without keys.
func (c *Conn) PeerLabel() string {
	return c.ofKey(streamLabel)
}

// PeerKey tells that key from others, whatever their labels.
func (c *Conn) PeerKey() string {
	return c.ofKey(streamKey)
}

func (c *Conn) ofKey(what func(s *nativeStream) string) string {
	var text string
	_ = c.use("look", func(s *nativeStream) error {
		text = what(s)
		return nil
	})
	return text
}

// Path is the way that a connection takes now; it may change while the connection lives.
type Path struct {
	Kind      string // "lan", "ipv6", "direct", "mapped", "predicted", "birthday", "relayed"; more may come
	Address   string // where the peer is reached
	RoundTrip time.Duration
}

// Path of now.
func (c *Conn) Path() (path Path, err error) {
	err = c.use("look at the path of", func(s *nativeStream) error {
		var code Code
		if path, code = streamPath(s); code < 0 {
			return code
		}
		return nil
	})
	return path, err
}
