package hx_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"hx"
)

// join joins as `name`, until the test ends.
func join(t *testing.T, session string, expect int, name string, change ...func(c *hx.Config)) *hx.Group {
	t.Helper()
	c := config()
	c.Name = name
	for _, f := range change {
		f(&c)
	}
	g, err := hx.Join(session, expect, c)
	must(t, err)
	t.Cleanup(func() { g.Leave() })
	return g
}

// member is one of the session in a process of its own. `say` says a line, and no more; it ends
// when all others have said theirs, which `ended` awaits.
func member(t *testing.T, session string, expect int, name string) (say, ended func()) {
	t.Helper()
	c := program(t, "chat", session, fmt.Sprint(expect), name)
	in, err := c.StdinPipe()
	must(t, err)
	must(t, c.Start())
	say = func() {
		in.Write([]byte("hello from " + name + "\n"))
		in.Close()
	}
	return say, func() { must(t, c.Wait()) }
}

func TestGroup(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	t.Run("three meet: each is connected to each, by name, and what is said arrives", func(t *testing.T) {
		events := make(chan hx.Event, 100)
		g := join(t, "three", 3, "bob", func(c *hx.Config) { c.OnEvent = func(e hx.Event) { events <- e } })
		annSays, annEnded := member(t, "three", 3, "ann")
		catSays, catEnded := member(t, "three", 3, "cat")
		must(t, g.Wait(ctx))
		state, err := g.State()
		must(t, err)
		if state != (hx.GroupState{Expect: 3, Here: 3, Connected: 2}) {
			t.Error(state)
		}
		said := make(map[string]string)
		lines := make(chan [2]string)
		var conns []*hx.Conn
		for i := 0; i < 2; i++ {
			conn, err := g.Next(ctx)
			must(t, err)
			conns = append(conns, conn)
			if conn.PeerKey() == "" {
				t.Error("it has proven no key")
			}
			go func() { lines <- [2]string{conn.PeerName(), string(<-readAll(conn))} }()
		}
		annSays()
		catSays()
		for _, c := range conns {
			must(t, c.CloseWrite())
		}
		annEnded()
		catEnded()
		for range conns {
			line := <-lines
			said[line[0]] = line[1]
		}
		if said["ann"] != "hello from ann\n" || said["cat"] != "hello from cat\n" {
			t.Error(said)
		}
		for e := range events {
			if e.Kind == hx.EventMemberLeft {
				break
			}
		}
	})
	t.Run("a group that is not complete says how many are here, and goes on", func(t *testing.T) {
		g := join(t, "two", 2, "only")
		short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
		defer cancel()
		err := g.Wait(short)
		if !isTimeout(err) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 of 2 are here, 0 connected") {
			t.Error(err)
		}
		if _, err := g.Next(short); !isTimeout(err) {
			t.Error(err)
		}
	})
	t.Run("Leave wakes Wait and Next", func(t *testing.T) {
		g := join(t, "leave", 2, "only")
		failed := make(chan error, 2)
		go func() { failed <- g.Wait(ctx) }()
		go func() {
			_, err := g.Next(ctx)
			failed <- err
		}()
		must(t, g.Leave())
		for i := 0; i < 2; i++ {
			if err := <-failed; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
		if err := g.Leave(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	t.Run("a group that is forgotten is left", func(t *testing.T) {
		left := make(chan hx.Event, 100)
		join(t, "forgotten", 2, "stays", func(c *hx.Config) { c.OnEvent = func(e hx.Event) { left <- e } })
		c := config()
		c.Name = "forgets"
		_, err := hx.Join("forgotten", 2, c)
		must(t, err)
		for {
			runtime.GC()
			select {
			case e := <-left:
				if e.Kind == hx.EventMemberLeft {
					return
				}
			case <-time.After(10 * time.Millisecond):
				must(t, ctx.Err())
			}
		}
	})
	t.Run("a name that another member has, and a number that cannot be, are told", func(t *testing.T) {
		watch := join(t, "names", 2, "watch")
		say, ended := member(t, "names", 2, "taken")
		conn, err := watch.Next(ctx)
		must(t, err)
		c := config()
		c.Name = "taken"
		_, err = hx.Join("names", 2, c)
		if !errors.Is(err, hx.ErrConflict) || !errors.Is(err, os.ErrExist) || !strings.Contains(err.Error(), "another Config.Name") {
			t.Error(err)
		}
		for _, expect := range []int{1, 65} {
			if _, err := hx.Join("names", expect, c); !errors.Is(err, hx.ErrInvalid) || !strings.Contains(err.Error(), "2 to 64") {
				t.Error(err)
			}
		}
		c.Name = ""
		if _, err := hx.Join("names", 2, c); !errors.Is(err, hx.ErrInvalid) || !strings.Contains(err.Error(), "Config.Name") {
			t.Error(err)
		}
		say()
		<-readAll(conn)
		must(t, conn.CloseWrite())
		ended()
	})
}
