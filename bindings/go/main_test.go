package hx_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hx"
)

// patience is how long an event is waited for that must come.
const patience = time.Minute

var fixture struct {
	programs   string // where hx and hx-nameserver are
	nameserver string
	key        string
	listener   *hx.Listener // "shared", with that key
}

// TestMain runs the tests beside a nameserver of their own.
func TestMain(m *testing.M) {
	status, err := withNameserver(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func withNameserver(run func() int) (int, error) {
	fixture.programs = os.Getenv("HX_PROGRAMS")
	server := exec.Command(filepath.Join(fixture.programs, "hx-nameserver"), "--listen", "127.0.0.1:0",
		"--introductions-per-source", "0", "--introductions-per-name", "0")
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		return 0, err
	}
	defer func() {
		server.Process.Kill()
		server.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return 0, err
	}
	fixture.nameserver = strings.Fields(line)[2]
	if fixture.key, err = hx.GenerateKey(); err != nil {
		return 0, err
	}
	if fixture.listener, err = hx.Listen("shared", config()); err != nil {
		return 0, err
	}
	status := run()
	hx.Cleanup()
	return status, nil
}

func config() hx.Config {
	return hx.Config{Nameserver: fixture.nameserver, Keys: fixture.key, NoPortMapping: true}
}

func raw() hx.Config {
	c := config()
	c.Keys, c.Insecure = "", true
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// meet returns both ends of a new connection, whose keys are proven.
func meet(t *testing.T) (near, far *hx.Conn) {
	t.Helper()
	near, far = meetAt(t, fixture.listener, config())
	prove(t, near, far)
	t.Cleanup(func() {
		near.Abort()
		far.Abort()
	})
	return near, far
}

func meetAt(t *testing.T, l *hx.Listener, c hx.Config) (near, far *hx.Conn) {
	t.Helper()
	must(t, l.SetDeadline(time.Now().Add(patience)))
	near, err := hx.Dial(l.Addr().(hx.Addr).Name, c)
	must(t, err)
	far, err = l.AcceptConn()
	must(t, err)
	return near, far
}

func prove(t *testing.T, near, far *hx.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	proven := make(chan error)
	go func() { proven <- near.Handshake(ctx) }()
	must(t, far.Handshake(ctx))
	must(t, <-proven)
}

// hxProgram is a command of the hx program, which knows nameserver and key.
func hxProgram(t *testing.T, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, filepath.Join(fixture.programs, "hx"), args...)
	c.Env = append(os.Environ(), "HX_NAMESERVER="+fixture.nameserver, "HX_KEY="+fixture.key, "HOME="+t.TempDir())
	return c
}

// program is one of the examples, as test/e2e/bindings_go.sh has built them; it knows nameserver and key.
func program(t *testing.T, name string, args ...string) *exec.Cmd {
	c := hxProgram(t, args...)
	c.Path = filepath.Join(os.Getenv("HX_EXAMPLES"), name)
	return c
}

func randomBytes(t *testing.T, n int) []byte {
	data := make([]byte, n)
	_, err := rand.Read(data)
	must(t, err)
	return data
}

// within fails the test if `f` does not return.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
}

// readAll that comes; an error is told behind it.
func readAll(c io.Reader) <-chan []byte {
	all := make(chan []byte, 1)
	go func() {
		data, err := io.ReadAll(c)
		if err != nil {
			data = append(data, err.Error()...)
		}
		all <- data
	}()
	return all
}
