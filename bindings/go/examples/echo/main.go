// Echo: `echo listen NAME` on one host, `echo connect NAME [TEXT]` on another one. Without TEXT it asks what
// standard input says.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"hx"
)

// serve sends back what comes, until SIGINT.
func serve(name string, config hx.Config) error {
	listener, err := hx.Listen(name, config)
	if err != nil {
		return err
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	go func() {
		<-interrupted
		listener.Close()
	}()
	fmt.Printf("listening as %s\n", name)
	for {
		conn, err := listener.AcceptConn()
		if errors.Is(err, hx.ErrCanceled) {
			return nil
		} else if err != nil {
			return err
		}
		go echo(conn)
	}
}

func echo(conn *hx.Conn) {
	path, _ := conn.Path()
	fmt.Printf("came: %q at %s %s\n", conn.PeerName(), conn.RemoteAddr(), path.Kind)
	_, err := io.Copy(conn, conn)
	if err == nil {
		err = conn.CloseWrite()
	}
	if closed := conn.Close(); err == nil {
		err = closed
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func ask(name string, question io.Reader, config hx.Config) error {
	conn, err := hx.Dial(name, config)
	if err != nil {
		return err
	}
	asked := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, question)
		if err == nil {
			err = conn.CloseWrite()
		}
		asked <- err
	}()
	_, err = io.Copy(os.Stdout, conn)
	if err == nil {
		err = <-asked
	}
	if closed := conn.Close(); err == nil {
		err = closed
	}
	return err
}

func main() {
	var config hx.Config
	flag.StringVar(&config.Nameserver, "nameserver", "", "HOST[:PORT]; default: $HX_NAMESERVER")
	flag.BoolVar(&config.Insecure, "insecure", false, "without a key; else `hx key` makes one")
	flag.DurationVar(&config.Wait, "wait", 0, "for the name to appear")
	flag.Parse()
	var err error
	switch words := flag.Args(); {
	case len(words) == 2 && words[0] == "listen":
		err = serve(words[1], config)
	case len(words) == 2 && words[0] == "connect":
		err = ask(words[1], os.Stdin, config)
	case len(words) > 2 && words[0] == "connect":
		err = ask(words[1], strings.NewReader(strings.Join(words[2:], " ")+"\n"), config)
	default:
		fmt.Fprintln(os.Stderr, "usage: echo [OPTION] listen NAME | connect NAME [TEXT]")
		os.Exit(2)
	}
	hx.Cleanup()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
