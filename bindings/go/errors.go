package hx

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
)

// Code is what libhx returns for an error, and itself an error: errors.Is(err, hx.ErrNotFound).
type Code int

const (
	ErrAgain    Code = -1 - iota // nothing could be done at once
	ErrClosed                    // the connection is gone; is io.ErrUnexpectedEOF and syscall.ECONNRESET
	ErrEOF                       // the nameserver ended its stream
	ErrProtocol                  // the nameserver speaks no HTTP, the peer no TLS
	ErrTooBig                    // an answer or a text is longer than allowed
	ErrInvalid                   // an argument; is os.ErrInvalid
	ErrNoMemory                  // is syscall.ENOMEM
	ErrTimedOut                  // is os.ErrDeadlineExceeded; Timeout() says so, too
	ErrRefused                   // by the nameserver's host; is syscall.ECONNREFUSED
	ErrResolve                   // the nameserver's host name
	ErrNotFound                  // nobody holds that name; is os.ErrNotExist
	ErrConflict                  // the name is held; is os.ErrExist and syscall.EADDRINUSE
	ErrLimit                     // of the nameserver or of libhx
	ErrPunch                     // the peer is known, no packet came through; is syscall.EHOSTUNREACH
	ErrAddress                   // the local port or an address; is syscall.EADDRNOTAVAIL
	ErrSystem                    // a system call failed
	ErrCanceled                  // Close or Cleanup was called; is net.ErrClosed
	ErrRejected                  // by the nameserver
	ErrAuth                      // the peer does not have the key; is os.ErrPermission
	ErrFlood
	ErrFamily // no address family in common with the peer
	ErrProxy  // the HTTP proxy was not reached, or does not let us through
	ErrCert   // the nameserver's certificate is not accepted
	ErrDenied // the nameserver does not allow it to us; is os.ErrPermission
)

// advice says what to do about each.
var advice = map[Code]string{
	ErrAgain:  "try again when it can go on",
	ErrClosed: "bytes may be missing; dial again, or let the other side look why it ended",
	ErrEOF:    "the nameserver ended its answer; dial again",
	ErrProtocol: "look whether that address is an hx-nameserver's, and whether both sides have keys or both are Insecure; an " +
		"hx program with a key is a peer with --bare alone",
	ErrTooBig:   "make the text shorter",
	ErrInvalid:  "look at the name (1 to 255 letters, digits and !#$%&'*+-.^_`|~@), the keys and the Config",
	ErrNoMemory: "close what is not needed",
	ErrTimedOut: "look whether the nameserver and the peer are up, or give it more time",
	ErrRefused:  "start hx-nameserver there, or look at Config.Nameserver",
	ErrResolve:  "look at the host in Config.Nameserver, and at this host's DNS",
	ErrNotFound: "start the listener with this name at the same nameserver, or set Config.Wait",
	ErrConflict: "choose another name, or end who holds it",
	ErrLimit:    "try again later",
	ErrPunch:    "run `hx nat` on both sides; a nameserver with --relay helps where no NAT lets packets through",
	ErrAddress:  "choose another Config.LocalPort, or leave it 0",
	ErrSystem:   "look at the limits of this process, such as its open files",
	ErrCanceled: "it was closed on this side",
	ErrRejected: "what the nameserver says tells what it wants",
	ErrAuth:     "give both sides the same key: `hx key` shows one, `hx key --set` or Config.Keys takes it",
	ErrFlood:    "ask less often",
	ErrFamily:   "one side has only IPv6 and the other only IPv4: leave Config.Family 0, or use a nameserver with --relay",
	ErrProxy:    "look at https_proxy, http_proxy and no_proxy",
	ErrDenied:   "`hx key --device` makes a key of this device, and prints what the nameserver's operator must know of it",
	ErrCert:     "look at the host in Config.Nameserver, at this host's clock, and at SSL_CERT_FILE",
}

// joinAdvice says it where Join means something else.
var joinAdvice = map[Code]string{
	ErrConflict: "choose another Config.Name, or end the member who has it",
	ErrLimit:    "the session, or the nameserver, has no room: choose another session, or try again later",
	ErrNotFound: "this nameserver knows no groups: choose another one, or have it updated",
	ErrInvalid:  "look at the session, at Config.Name, which must be given, at `expect` (2 to 64), the keys and the Config",
	ErrTimedOut: "wait longer, or go on with those who are here",
}

// alike are the errors of others that a code is, too.
var alike = map[Code][]error{
	ErrClosed:   {io.ErrUnexpectedEOF, syscall.ECONNRESET},
	ErrInvalid:  {os.ErrInvalid, syscall.EINVAL},
	ErrNoMemory: {syscall.ENOMEM},
	ErrTimedOut: {os.ErrDeadlineExceeded, syscall.ETIMEDOUT},
	ErrRefused:  {syscall.ECONNREFUSED},
	ErrNotFound: {os.ErrNotExist},
	ErrConflict: {os.ErrExist, syscall.EADDRINUSE},
	ErrPunch:    {syscall.EHOSTUNREACH},
	ErrAddress:  {syscall.EADDRNOTAVAIL},
	ErrCanceled: {net.ErrClosed},
	ErrAuth:     {os.ErrPermission},
	ErrDenied:   {os.ErrPermission},
}

// Error says what went wrong, and what to do.
func (c Code) Error() string { return c.with(advice[c]) }

func (c Code) with(advice string) string {
	if advice == "" {
		return strerror(c)
	}
	return strerror(c) + ": " + advice
}

// Is tells errors.Is which errors of net, os, io and syscall a code is.
func (c Code) Is(target error) bool {
	for _, err := range alike[c] {
		if target == err {
			return true
		}
	}
	return false
}

// Error is what every function of this package returns. It is a net.Error.
type Error struct {
	Op     string // "listen", "dial", "read" and so on
	Name   string // of the listener, the peer or the session
	Code   Code
	Detail string // what the nameserver said about it, or what is known of the NATs; may be ""
	Cause  error  // where it comes from Go: the context's error, for example; may be nil
}

func (e *Error) Error() string {
	text := "hx: " + e.Op
	if e.Name != "" {
		text += " " + strconv.Quote(e.Name)
	}
	what := joinAdvice[e.Code]
	switch {
	case e.Cause != nil:
		text += ": " + e.Cause.Error()
	case what != "" && (e.Op == "join" || e.Op == "wait for"):
		text += ": " + e.Code.with(what)
	default:
		text += ": " + e.Code.Error()
	}
	if e.Detail != "" {
		text += " (" + strconv.Quote(e.Detail) + ")"
	}
	return text
}

// Unwrap lets errors.Is compare with a Code and with what that is.
func (e *Error) Unwrap() error { return e.Code }

// Is compares with the cause, too.
func (e *Error) Is(target error) bool { return e.Cause != nil && errors.Is(e.Cause, target) }

// Timeout is true if a time was over.
func (e *Error) Timeout() bool { return e.Code == ErrTimedOut }

// Temporary is true if the same call may succeed later: what a server that accepts goes on after, as without
// a descriptor left.
func (e *Error) Temporary() bool {
	switch e.Code {
	case ErrTimedOut, ErrAgain, ErrLimit, ErrSystem, ErrNoMemory:
		return true
	}
	return false
}
