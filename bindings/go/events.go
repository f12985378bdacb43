package hx

/*
#include <hx.h>
*/
import "C"

import (
	"sync"
	"time"
)

// EventKind is what has happened; hx.h says what the fields of an Event mean for each.
type EventKind int

const (
	EventBound    EventKind = iota // Address: our external one
	EventExternal                  // likewise, of Dial
	EventPeer                      // the punch towards Name, Address begins
	EventPunched
	EventPunchFailed
	EventPeerDropped
	EventRejected // Text: what the nameserver says
	EventNameserverLost
	EventNameserverAwaited
	EventPath // Text: its kind; Address: where we send to
	EventRelayLimit
	EventJoined       // we are a member of the session Name (again); Address: our external one
	EventMemberHere   // another member was there before us
	EventMemberJoined // it has come now
	EventMemberMoved  // it is the same one, at another address
	EventMemberLeft   // it has gone from the session; a connection to it may live on
)

// Event is what Config.OnEvent is told.
type Event struct {
	Kind                EventKind
	Err                 error // a Code, or nil
	Name, Address, Text string
	Punch, Total, Retry time.Duration
}

// handler takes libhx's events, which come from threads of its own with a lock held, and tells them from a
// goroutine.
type handler struct {
	number uintptr
	users  int // the call, its listener and their connections; guarded by handlers.mutex
	tell   func(Event)

	mutex   sync.Mutex
	waiting []Event
	telling bool
	detail  string // what was said about the last failure
}

var handlers = struct {
	mutex  sync.Mutex
	last   uintptr
	living map[uintptr]*handler
}{living: make(map[uintptr]*handler)}

func newHandler(tell func(Event)) *handler {
	handlers.mutex.Lock()
	defer handlers.mutex.Unlock()
	handlers.last++
	h := &handler{number: handlers.last, users: 1, tell: tell}
	handlers.living[h.number] = h
	return h
}

func (h *handler) keep() *handler {
	handlers.mutex.Lock()
	defer handlers.mutex.Unlock()
	h.users++
	return h
}

func (h *handler) leave() {
	handlers.mutex.Lock()
	defer handlers.mutex.Unlock()
	h.users--
	if h.users == 0 {
		delete(handlers.living, h.number)
	}
}

func (h *handler) said() string {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.detail
}

//export hxgoEvent
func hxgoEvent(number C.uintptr_t, info *C.struct_hx_event_info) {
	handlers.mutex.Lock()
	h := handlers.living[uintptr(number)]
	handlers.mutex.Unlock()
	if h == nil {
		return
	}
	e := Event{Kind: EventKind(info.event), Name: C.GoString(info.name), Address: C.GoString(info.address),
		Text: C.GoString(info.text), Punch: time.Duration(info.punch_ms) * time.Millisecond,
		Total: time.Duration(info.total_ms) * time.Millisecond, Retry: time.Duration(info.retry_ms) * time.Millisecond}
	if info.error < 0 {
		e.Err = Code(info.error)
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if e.Kind == EventRejected || e.Kind == EventPunchFailed || e.Kind == EventNameserverAwaited {
		h.detail = e.Text
	}
	if h.tell == nil {
		return
	}
	h.waiting = append(h.waiting, e)
	if !h.telling {
		h.telling = true
		go h.run()
	}
}

func (h *handler) run() {
	for {
		h.mutex.Lock()
		events := h.waiting
		h.waiting = nil
		h.telling = len(events) > 0
		h.mutex.Unlock()
		if len(events) == 0 {
			return
		}
		for _, e := range events {
			h.tell(e)
		}
	}
}
