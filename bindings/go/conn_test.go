package hx_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"hx"
)

func TestBytes(t *testing.T) {
	t.Run("what is written on one side is read on the other, each way at once", func(t *testing.T) {
		near, far := meet(t)
		one, two := randomBytes(t, 1<<20), randomBytes(t, 1<<20)
		for _, c := range []struct {
			conn *hx.Conn
			data []byte
		}{{near, one}, {far, two}} {
			c := c
			go func() {
				c.conn.Write(c.data)
				c.conn.CloseWrite()
			}()
		}
		atFar, atNear := readAll(far), readAll(near)
		if !bytes.Equal(<-atFar, one) || !bytes.Equal(<-atNear, two) {
			t.Fatal("bytes differ")
		}
	})
	t.Run("after CloseWrite the peer reads io.EOF, again and again, and may still write", func(t *testing.T) {
		near, far := meet(t)
		must(t, near.CloseWrite())
		for i := 0; i < 2; i++ {
			if n, err := far.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Fatal(n, err)
			}
		}
		_, err := far.Write([]byte("yes"))
		must(t, err)
		must(t, far.CloseWrite())
		if got := <-readAll(near); string(got) != "yes" {
			t.Fatalf("%q", got)
		}
		must(t, near.Close())
		must(t, far.Close())
	})
	t.Run("Close after CloseWrite returns when the peer has read all", func(t *testing.T) {
		near, far := meet(t)
		data := randomBytes(t, 1<<20)
		go func() {
			near.Write(data)
			near.CloseWrite()
		}()
		got := <-readAll(far)
		must(t, near.Close())
		if !bytes.Equal(got, data) {
			t.Fatal("bytes differ")
		}
	})
	t.Run("what was written before Close alone arrives, too", func(t *testing.T) {
		near, far := meet(t)
		data := randomBytes(t, 300000)
		all := readAll(far)
		_, err := near.Write(data)
		must(t, err)
		must(t, near.Close())
		if !bytes.Equal(<-all, data) {
			t.Fatal("bytes differ")
		}
	})
	t.Run("a connection that breaks off is no end of file", func(t *testing.T) {
		near, far := meet(t)
		_, err := near.Write([]byte("half a sen"))
		must(t, err)
		_, err = io.ReadFull(far, make([]byte, 10))
		must(t, err)
		must(t, near.Abort())
		_, err = far.Read(make([]byte, 1))
		if !errors.Is(err, hx.ErrClosed) || !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	})
	t.Run("a write after CloseWrite says so", func(t *testing.T) {
		near, _ := meet(t)
		must(t, near.CloseWrite())
		if _, err := near.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) || !errors.Is(err, hx.ErrInvalid) {
			t.Fatal(err)
		}
	})
	t.Run("several writers at once do not mix their bytes", func(t *testing.T) {
		near, far := meet(t)
		var writers sync.WaitGroup
		for _, letter := range "abcd" {
			line := strings.Repeat(string(letter), 99999) + "\n"
			writers.Add(1)
			go func() {
				defer writers.Done()
				near.Write([]byte(line))
			}()
		}
		all := readAll(far)
		writers.Wait()
		must(t, near.CloseWrite())
		lines := strings.Split(string(<-all), "\n")
		for _, line := range lines[:4] {
			if line != strings.Repeat(line[:1], 99999) {
				t.Fatal("mixed")
			}
		}
	})
}

// isTimeout: as every net.Conn's.
func isTimeout(err error) bool {
	var net net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) && errors.As(err, &net) && net.Timeout()
}

func TestDeadlines(t *testing.T) {
	var byte1 [1]byte
	t.Run("a read that waits ends at its deadline", func(t *testing.T) {
		near, far := meet(t)
		must(t, near.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		within(t, "Read", func() {
			if _, err := near.Read(byte1[:]); !isTimeout(err) {
				t.Error(err)
			}
		})
		must(t, near.SetReadDeadline(time.Time{}))
		_, err := far.Write([]byte("x"))
		must(t, err)
		_, err = near.Read(byte1[:])
		must(t, err)
	})
	t.Run("a deadline that is set later wakes who waits already", func(t *testing.T) {
		near, _ := meet(t)
		within(t, "Read", func() {
			failed := make(chan error)
			go func() {
				_, err := near.Read(byte1[:])
				failed <- err
			}()
			near.SetDeadline(time.Now().Add(20 * time.Millisecond))
			if err := <-failed; !isTimeout(err) {
				t.Error(err)
			}
		})
	})
	t.Run("a deadline in the past lets nothing begin, and none at all lets all go on", func(t *testing.T) {
		near, far := meet(t)
		_, err := far.Write([]byte("x"))
		must(t, err)
		must(t, near.SetDeadline(time.Unix(1, 0)))
		_, readErr := near.Read(byte1[:])
		_, writeErr := near.Write(byte1[:])
		if !isTimeout(readErr) || !isTimeout(writeErr) {
			t.Fatal(readErr, writeErr)
		}
		must(t, near.SetDeadline(time.Time{}))
		_, err = near.Read(byte1[:])
		must(t, err)
		_, err = near.Write(byte1[:])
		must(t, err)
	})
	t.Run("a write that the peer does not read ends at its deadline, and says how much was taken", func(t *testing.T) {
		near, far := meet(t)
		data := bytes.Repeat(randomBytes(t, 1<<20), 128) // some 65 MB are on the way at most
		must(t, near.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
		n, err := near.Write(data)
		if !isTimeout(err) || n <= 0 || n >= len(data) {
			t.Fatal(n, err)
		}
		must(t, near.SetWriteDeadline(time.Time{}))
		all := readAll(far)
		must(t, near.CloseWrite())
		if !bytes.Equal(<-all, data[:n]) {
			t.Fatal("bytes differ")
		}
	})
	t.Run("Accept has one, too", func(t *testing.T) {
		must(t, fixture.listener.SetDeadline(time.Now().Add(10*time.Millisecond)))
		if _, err := fixture.listener.Accept(); !isTimeout(err) {
			t.Fatal(err)
		}
	})
}

func TestClose(t *testing.T) {
	t.Run("Close wakes who reads and who writes", func(t *testing.T) {
		near, _ := meet(t)
		failed := make(chan error, 2)
		began := make(chan struct{}, 2)
		go func() {
			began <- struct{}{}
			_, err := near.Read(make([]byte, 1))
			failed <- err
		}()
		go func() {
			began <- struct{}{}
			_, err := near.Write(make([]byte, 256<<20))
			failed <- err
		}()
		<-began
		<-began
		must(t, near.Close())
		within(t, "Read and Write", func() {
			for i := 0; i < 2; i++ {
				if err := <-failed; !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			}
		})
	})
	t.Run("after Close all say net.ErrClosed", func(t *testing.T) {
		near, _ := meet(t)
		must(t, near.Close())
		_, readErr := near.Read(make([]byte, 1))
		_, writeErr := near.Write(make([]byte, 1))
		_, pathErr := near.Path()
		for _, err := range []error{readErr, writeErr, pathErr, near.CloseWrite(), near.Close(), near.Abort(),
			near.SetDeadline(time.Time{})} {
			if !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
	})
	t.Run("a listener's Close wakes Accept and gives the name back", func(t *testing.T) {
		l, err := hx.Listen("brief", config())
		must(t, err)
		failed := make(chan error)
		go func() {
			_, err := l.Accept()
			failed <- err
		}()
		must(t, l.Close())
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
		l, err = hx.Listen("brief", config())
		must(t, err)
		must(t, l.Close())
	})
	t.Run("a listener that is forgotten gives its name back", func(t *testing.T) {
		_, err := hx.Listen("forgotten", config())
		must(t, err)
		c := config()
		c.Wait = 0
		for end := time.Now().Add(patience); time.Now().Before(end); {
			runtime.GC()
			conn, err := hx.Dial("forgotten", c)
			if errors.Is(err, hx.ErrNotFound) {
				return
			}
			if err == nil {
				conn.Abort()
			}
		}
		t.Fatal("it still has it")
	})
	t.Run("all methods may be called at once", func(t *testing.T) {
		near, far := meet(t)
		go io.Copy(io.Discard, far)
		var callers sync.WaitGroup
		for i := 0; i < 4; i++ {
			for _, call := range []func(){
				func() { near.Read(make([]byte, 10)) },
				func() { near.Write(make([]byte, 1000)) },
				func() { near.SetDeadline(time.Now().Add(time.Millisecond)) },
				func() { near.Path(); near.PeerLabel(); near.RemoteAddr() },
			} {
				call := call
				callers.Add(1)
				go func() {
					defer callers.Done()
					for j := 0; j < 50; j++ {
						call()
					}
				}()
			}
		}
		within(t, "all of them", func() {
			time.AfterFunc(20*time.Millisecond, func() { near.Close() })
			callers.Wait()
		})
	})
}
