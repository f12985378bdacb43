package hx_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hx"
)

func TestPeers(t *testing.T) {
	t.Run("both sides prove the key, and name each other", func(t *testing.T) {
		labelled := config()
		labelled.Keys = fixture.key + " laptop"
		labelled.PathEvents = true
		events := make(chan hx.Event, 100)
		labelled.OnEvent = func(e hx.Event) { events <- e }
		l, err := hx.Listen("labelled", labelled)
		must(t, err)
		defer l.Close()
		dialer := config()
		dialer.Name = "me"
		near, far := meetAt(t, l, dialer)
		prove(t, near, far)
		if far.PeerLabel() != "laptop" || far.PeerKey() == "" || far.PeerName() != "me" || near.PeerName() != "labelled" {
			t.Fatal(far.PeerLabel(), far.PeerKey(), far.PeerName(), near.PeerName())
		}
		path, err := near.Path()
		must(t, err)
		if _, _, err := net.SplitHostPort(path.Address); err != nil || path.Kind == "" {
			t.Fatal(path)
		}
		if addr := l.Addr().(hx.Addr); addr.Name != "labelled" || !strings.HasPrefix(addr.String(), "127.0.0.1:") {
			t.Fatal(addr)
		}
		var kinds []hx.EventKind
		for len(kinds) < 3 {
			select {
			case e := <-events:
				if e.Kind == hx.EventBound || e.Kind == hx.EventPeer || e.Kind == hx.EventPunched {
					kinds = append(kinds, e.Kind)
				}
			case <-time.After(patience):
				t.Fatal("events: ", kinds)
			}
		}
		if kinds[0] != hx.EventBound || kinds[1] != hx.EventPeer || kinds[2] != hx.EventPunched {
			t.Fatal(kinds)
		}
	})
	t.Run("a wrong key is refused on both sides, and the text says what to do", func(t *testing.T) {
		other := config()
		other.Keys, _ = hx.GenerateKey()
		near, far := meetAt(t, fixture.listener, other)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		refused := make(chan error)
		go func() { refused <- near.Handshake(ctx) }()
		_, err := far.Read(make([]byte, 1))
		for _, err := range []error{err, <-refused} {
			if !errors.Is(err, hx.ErrAuth) || !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "Config.Keys") {
				t.Error(err)
			}
		}
	})
	t.Run("a name that nobody holds is not found, and the text says what to do", func(t *testing.T) {
		_, err := hx.Dial("nobody", config())
		if !errors.Is(err, hx.ErrNotFound) || !errors.Is(err, os.ErrNotExist) ||
			!strings.HasPrefix(err.Error(), `hx: dial "nobody": nobody holds that name: start the listener`) {
			t.Fatal(err)
		}
	})
	t.Run("Config.Wait waits for the name", func(t *testing.T) {
		waiting := config()
		waiting.Wait = 30 * time.Second
		dialed := make(chan error)
		go func() {
			conn, err := hx.Dial("later", waiting)
			if err == nil {
				conn.Close()
			}
			dialed <- err
		}()
		l, err := hx.Listen("later", config())
		must(t, err)
		defer l.Close()
		must(t, <-dialed)
	})
	t.Run("a name that is held is a conflict", func(t *testing.T) {
		other := hxProgram(t, "bind", "held", "-v", "--echo")
		stderr, err := other.StderrPipe()
		must(t, err)
		must(t, other.Start())
		awaitLine(t, stderr, "bound held")
		_, err = hx.Listen("held", config())
		if !errors.Is(err, hx.ErrConflict) || !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
		must(t, other.Process.Signal(os.Interrupt))
		other.Wait()
	})
	t.Run("a dial ends with its context", func(t *testing.T) {
		waiting := config()
		waiting.Wait, waiting.Timeout = 2*time.Second, 2*time.Second
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(20*time.Millisecond, cancel)
		within(t, "DialContext", func() {
			_, err := hx.DialContext(ctx, "never", waiting)
			if !errors.Is(err, context.Canceled) || !errors.Is(err, hx.ErrCanceled) {
				t.Error(err)
			}
		})
		ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if _, err := hx.DialContext(ctx, "never", waiting); !errors.Is(err, context.DeadlineExceeded) || !isTimeout(err) {
			t.Fatal(err)
		}
	})
	t.Run("a nameserver that is not there is told of", func(t *testing.T) {
		nowhere := config()
		nowhere.Nameserver, nowhere.Timeout = "127.0.0.1:9", 300*time.Millisecond
		_, err := hx.Listen("x", nowhere)
		if !errors.Is(err, hx.ErrRefused) && !errors.Is(err, hx.ErrTimedOut) {
			t.Fatal(err)
		}
		nowhere.Nameserver = "no such host"
		if _, err := hx.Listen("x", nowhere); !errors.Is(err, hx.ErrInvalid) && !errors.Is(err, hx.ErrResolve) {
			t.Fatal(err)
		}
	})
	t.Run("nameserver and key are those of the environment, and what is missing is told", func(t *testing.T) {
		for _, name := range []string{"HX_NAMESERVER", "HX_KEY"} {
			t.Setenv(name, "")
		}
		home := t.TempDir()
		t.Setenv("XDG_CONFIG_HOME", home)
		invalid := func(c hx.Config, want string) {
			t.Helper()
			if _, err := hx.Listen("env", c); !errors.Is(err, hx.ErrInvalid) || !strings.Contains(err.Error(), want) {
				t.Error(err)
			}
		}
		invalid(hx.Config{}, "HX_NAMESERVER")
		t.Setenv("HX_NAMESERVER", fixture.nameserver)
		invalid(hx.Config{}, "hx key")
		invalid(hx.Config{Insecure: true, Keys: "x"}, "Insecure")
		invalid(hx.Config{Keys: "no key"}, "the keys")
		invalid(hx.Config{Insecure: true, Nameserver: fixture.nameserver + "\x00x"}, "the Config")
		if _, err := hx.Dial("shared\x00x", config()); !errors.Is(err, hx.ErrInvalid) {
			t.Error("what comes before a NUL is taken for the name:", err)
		}
		invalid(hx.Config{KeyFile: home + "/none"}, "no such file")
		must(t, os.Mkdir(home+"/hx", 0o700))
		must(t, os.WriteFile(home+"/hx/key", []byte(fixture.key+" label\n"), 0o644))
		invalid(hx.Config{}, "chmod 600")
		must(t, os.Chmod(home+"/hx/key", 0o600))
		l, err := hx.Listen("env", hx.Config{NoPortMapping: true})
		must(t, err)
		must(t, l.Close())
		t.Setenv("HX_KEY", fixture.key)
		l, err = hx.Listen("env", hx.Config{NoPortMapping: true})
		must(t, err)
		must(t, l.Close())
	})
	t.Run("each error has a text that says what to do", func(t *testing.T) {
		for code := -1; code >= -24; code-- {
			text := hx.Code(code).Error()
			if _, what, _ := strings.Cut(text, ": "); len(what) < 10 || strings.HasPrefix(text, "unknown") {
				t.Errorf("%d: %s", code, text)
			}
		}
		if text := hx.Code(-25).Error(); text != "unknown error" {
			t.Error("hx.h has one more: ", text)
		}
	})
	t.Run("HTTP is served and asked for through it", func(t *testing.T) {
		l, err := hx.Listen("web", config())
		must(t, err)
		server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, r.Body)
		})}
		go server.Serve(l)
		defer server.Close()
		transport := &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			name, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return hx.DialContext(ctx, name, config())
		}}
		defer transport.CloseIdleConnections()
		client := http.Client{Transport: transport, Timeout: patience}
		body := randomBytes(t, 1<<20)
		for i := 0; i < 2; i++ {
			answer, err := client.Post("http://web/", "application/octet-stream", bytes.NewReader(body))
			must(t, err)
			got, err := io.ReadAll(answer.Body)
			must(t, err)
			answer.Body.Close()
			if !bytes.Equal(got, body) {
				t.Fatal("bytes differ")
			}
		}
	})
}

// awaitLine reads until there is such a line, and what follows in the background.
func awaitLine(t *testing.T, r io.Reader, want string) {
	t.Helper()
	var seen []byte
	buf := make([]byte, 4096)
	for !strings.Contains(string(seen), want) {
		n, err := r.Read(buf)
		seen = append(seen, buf[:n]...)
		if err != nil {
			t.Fatalf("%v; it said %q", err, seen)
		}
	}
	go io.Copy(io.Discard, r)
}

func TestTools(t *testing.T) {
	data := randomBytes(t, 10_000_000)
	t.Run("10 MB through hx bind --bare --echo come back the same", func(t *testing.T) {
		echo := hxProgram(t, "bind", "echo", "-v", "--echo", "--bare")
		stderr, err := echo.StderrPipe()
		must(t, err)
		must(t, echo.Start())
		awaitLine(t, stderr, "bound echo")
		conn, err := hx.Dial("echo", config())
		must(t, err)
		all := readAll(conn)
		n, err := io.Copy(conn, bytes.NewReader(data))
		must(t, err)
		must(t, conn.CloseWrite())
		if got := <-all; n != int64(len(data)) || !bytes.Equal(got, data) {
			t.Fatal("bytes differ: ", n, len(got))
		}
		must(t, conn.Close())
		must(t, echo.Process.Signal(os.Interrupt))
		echo.Wait()
	})
	t.Run("10 MB of hx connect --bare come back the same from a listener", func(t *testing.T) {
		l, err := hx.Listen("back", config())
		must(t, err)
		defer l.Close()
		served := make(chan error, 1)
		go func() {
			conn, err := l.Accept()
			if err == nil {
				_, err = io.Copy(conn, conn)
				conn.(*hx.Conn).CloseWrite()
				conn.Close()
			}
			served <- err
		}()
		connect := hxProgram(t, "connect", "back", "--bare")
		connect.Stdin = bytes.NewReader(data)
		got, err := connect.Output()
		must(t, err)
		must(t, <-served)
		if !bytes.Equal(got, data) {
			t.Fatal("bytes differ: ", len(got))
		}
	})
	t.Run("hx connect --insecure and a listener without keys meet", func(t *testing.T) {
		l, err := hx.Listen("open", raw())
		must(t, err)
		defer l.Close()
		go func() {
			if conn, err := l.Accept(); err == nil {
				io.WriteString(conn, "hello\n")
				io.Copy(io.Discard, conn)
				conn.Close()
			}
		}()
		connect := hxProgram(t, "connect", "open", "--insecure")
		got, err := connect.Output()
		must(t, err)
		if string(got) != "hello\n" {
			t.Fatalf("%q", got)
		}
	})
}

// closersMax threads wait at most for peers to read what closed connections have written.
const closersMax = 32

func held(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

func threads(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	must(t, err)
	return len(entries)
}

func TestGrowth(t *testing.T) {
	cycles, _ := strconv.Atoi(os.Getenv("HX_TEST_CYCLES"))
	if cycles == 0 {
		cycles = 100
	}
	t.Run("connections that are opened and closed leave nothing behind", func(t *testing.T) {
		cycle := func() {
			near, far := meetAt(t, fixture.listener, config())
			prove(t, near, far)
			_, err := near.Write([]byte("x"))
			must(t, err)
			_, err = io.ReadFull(far, make([]byte, 1))
			must(t, err)
			near.Close()
			far.Close()
		}
		for i := 0; i < 10; i++ {
			cycle()
		}
		fds, tasks, routines := held(t), threads(t), runtime.NumGoroutine()
		for i := 0; i < cycles; i++ {
			cycle()
		}
		// What is closed in the background is so when the peer has read it.
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if held(t) <= fds+8 && runtime.NumGoroutine() <= routines+4 {
				break
			}
		}
		if n := held(t); n > fds+8 {
			t.Errorf("%d descriptors, before %d", n, fds)
		}
		if n := runtime.NumGoroutine(); n > routines+4 {
			t.Errorf("%d goroutines, before %d", n, routines)
		}
		if n := threads(t); n > tasks+closersMax+8 {
			t.Errorf("%d threads, before %d", n, tasks)
		}
	})
	t.Run("without a descriptor left a connection fails, and the next one does not", func(t *testing.T) {
		meet(t) // what libhx opens once is open
		l, err := hx.Listen("few", config())
		must(t, err)
		defer l.Close()
		var limit syscall.Rlimit
		must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
		few := limit
		few.Cur = uint64(held(t)) + 50
		must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few))
		var filled []*os.File
		var got []*hx.Conn
		for end := time.Now().Add(patience); err == nil && time.Now().Before(end); {
			for { // again, as connections of before may have been closed meanwhile
				f, err := os.Open("/dev/null")
				if err != nil {
					break
				}
				filled = append(filled, f)
			}
			filled[0].Close() // one is not enough
			filled = filled[1:]
			var conn *hx.Conn
			if conn, err = hx.Dial("few", config()); err == nil {
				got = append(got, conn)
			}
		}
		for _, f := range filled {
			f.Close()
		}
		for _, conn := range got {
			conn.Abort()
		}
		must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
		var failed *hx.Error
		if !errors.As(err, &failed) || !failed.Temporary() {
			t.Error(err)
		}
		meet(t)
	})
	t.Run("connections that wait hold no thread", func(t *testing.T) {
		before := threads(t)
		var conns []*hx.Conn
		for i := 0; i < 20; i++ {
			near, far := meet(t)
			conns = append(conns, near, far)
		}
		for _, c := range conns {
			c := c
			go c.Read(make([]byte, 1))
		}
		if n := threads(t); n > before+10 {
			t.Errorf("%d threads, before %d", n, before)
		}
	})
	t.Run("a device's key is read where the tool puts it, unless others can read it", func(t *testing.T) {
		key, err := hx.GenerateDeviceKey()
		must(t, err)
		public, err := hx.DeviceKeyPublic(key)
		must(t, err)
		if !strings.HasPrefix(public, "ed25519:") || len(public) != len("ed25519:")+43 {
			t.Error(public)
		}
		if _, err = hx.DeviceKeyPublic(public); !errors.Is(err, hx.ErrInvalid) {
			t.Error(err)
		}
		home := t.TempDir()
		t.Setenv("XDG_CONFIG_HOME", home)
		file := filepath.Join(home, "hx", "device.key")
		must(t, os.Mkdir(filepath.Dir(file), 0o700))
		must(t, os.WriteFile(file, []byte(key+"\n"), 0o644))
		if _, err = hx.Dial("nobody", config()); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Error(err)
		}
		must(t, os.Chmod(file, 0o600))
		if _, err = hx.Dial("nobody", config()); !errors.Is(err, hx.ErrNotFound) {
			t.Error(err)
		}
		must(t, os.WriteFile(file, []byte("mistyped"), 0o600))
		if _, err = hx.Dial("nobody", config()); err == nil || !strings.Contains(err.Error(), "hx key --device FILE") {
			t.Error(err)
		}
	})
}
