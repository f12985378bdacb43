// Chat: `chat SESSION EXPECT NAME` on each host. When all are here, a line of standard input goes to all
// members; theirs are printed after their names. After the end of its input it waits for theirs, and leaves.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"hx"
)

// members are those who are connected now.
type members struct {
	mutex   sync.Mutex
	conns   map[*hx.Conn]bool
	ended   chan struct{}  // closed when we say no more
	readers sync.WaitGroup // of what they say
}

func complain(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// add a member, whose lines are printed until it ends.
func (m *members) add(conn *hx.Conn) {
	path, _ := conn.Path()
	fmt.Fprintf(os.Stderr, "%s is here, %s\n", conn.PeerName(), path.Kind)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.conns[conn] = true
	select {
	case <-m.ended:
		complain(conn.CloseWrite())
	default:
	}
	m.readers.Add(1)
	go m.print(conn)
}

func (m *members) print(conn *hx.Conn) {
	defer m.readers.Done()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		line := strings.Map(func(r rune) rune { // it may come from anybody, and the terminal is ours
			if !unicode.IsPrint(r) {
				return '?'
			}
			return r
		}, lines.Text())
		fmt.Printf("%s: %s\n", conn.PeerName(), line)
	}
	if err := lines.Err(); err != nil {
		complain(err)
	} else { // it says no more, but may listen
		<-m.ended
		complain(conn.CloseWrite())
	}
	m.mutex.Lock()
	delete(m.conns, conn)
	m.mutex.Unlock()
	complain(conn.Close())
}

// each calls `f` for all, and tells who fails.
func (m *members) each(f func(conn *hx.Conn) error) {
	m.mutex.Lock()
	conns := make([]*hx.Conn, 0, len(m.conns))
	for conn := range m.conns {
		conns = append(conns, conn)
	}
	m.mutex.Unlock()
	for _, conn := range conns {
		complain(f(conn))
	}
}

// gather adds members until ctx is done, or until `others` are there, if that is above 0. A member that has
// lost its connection comes again.
func (m *members) gather(ctx context.Context, group *hx.Group, others int) error {
	names := make(map[string]bool)
	for others == 0 || len(names) < others {
		conn, err := group.Next(ctx)
		if err != nil {
			return err
		}
		names[conn.PeerName()] = true
		m.add(conn)
	}
	return nil
}

func run(session string, expect int, timeout time.Duration, config hx.Config) error {
	group, err := hx.Join(session, expect, config)
	if err != nil {
		return err
	}
	m := &members{conns: make(map[*hx.Conn]bool), ended: make(chan struct{})}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err = m.gather(ctx, group, expect-1); err == nil {
		fmt.Fprintf(os.Stderr, "all %d are here\n", expect)
	} else if errors.Is(err, hx.ErrTimedOut) {
		state, _ := group.State()
		fmt.Fprintf(os.Stderr, "%d of %d are here\n", state.Here, expect)
	} else {
		return err
	}
	go m.gather(context.Background(), group, 0) // those who come late
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		line := append(input.Bytes(), '\n')
		m.each(func(conn *hx.Conn) error {
			conn.SetWriteDeadline(time.Now().Add(time.Second)) // nobody waits for who does not read
			_, err := conn.Write(line)
			return err
		})
	}
	close(m.ended)
	m.each((*hx.Conn).CloseWrite)
	m.readers.Wait()
	return group.Leave()
}

func main() {
	var config hx.Config
	timeout := flag.Duration("timeout", time.Minute, "then it goes on with those who are here")
	flag.StringVar(&config.Nameserver, "nameserver", "", "HOST[:PORT]; default: $HX_NAMESERVER")
	flag.BoolVar(&config.Insecure, "insecure", false, "without a key; else `hx key` makes one")
	flag.Parse()
	expect, err := strconv.Atoi(flag.Arg(1))
	if flag.NArg() != 3 || err != nil {
		fmt.Fprintln(os.Stderr, "usage: chat [OPTION] SESSION EXPECT NAME")
		os.Exit(2)
	}
	config.Name = flag.Arg(2)
	err = run(flag.Arg(0), expect, *timeout, config)
	hx.Cleanup()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
