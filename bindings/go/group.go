package hx

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// groupLook is how often Wait looks whether all are there.
const groupLook = 20 * time.Millisecond

// Group is a membership in a session, whose members are connected each to each.
type Group struct {
	events  *handler
	session string
	name    string
	closing chan struct{}

	guard sync.RWMutex // held for reading while group is in use
	group *nativeGroup
}

// GroupState says how far a group has come.
type GroupState struct {
	Expect    int // as Join was told
	Here      int // members in the session, ourselves counted
	Connected int // of the others: connected, proven, and not closed yet
}

// Join joins `session` at the nameserver as Config.Name, which no other member may have, and returns when
// that has agreed, or after Config.Timeout. From then on we are a member, whatever becomes of the nameserver
// or of this host's address, and are connected to each other one, until Leave. `expect` members, ourselves
// counted, 2 to 64, are what Wait waits for; more may come.
func Join(session string, expect int, config Config) (*Group, error) {
	if err := config.complete("join", session); err != nil {
		return nil, err
	}
	g := &Group{events: newHandler(config.OnEvent), session: session, name: config.Name, closing: make(chan struct{})}
	var code Code
	g.group, code = groupJoin(&config, g.events, session, expect)
	if code < 0 {
		g.events.leave()
		return nil, &Error{Op: "join", Name: session, Code: code, Detail: g.events.said()}
	}
	runtime.SetFinalizer(g, (*Group).Leave)
	return g, nil
}

// use calls `f` with the group while nobody frees it.
func (g *Group) use(op string, f func(group *nativeGroup) Code) error {
	g.guard.RLock()
	defer g.guard.RUnlock()
	code := ErrCanceled
	if g.group != nil {
		code = f(g.group)
	}
	if code < 0 {
		return &Error{Op: op, Name: g.session, Code: code}
	}
	return nil
}

// Wait returns when all who are expected are in the session and connected to us. When ctx is done before, the
// error is its own and ErrTimedOut or ErrCanceled, and says how many are there: go on with those, or wait
// again.
func (g *Group) Wait(ctx context.Context) error {
	look := time.NewTicker(groupLook)
	defer look.Stop()
	for {
		err := g.use("wait for", groupComplete)
		if !errors.Is(err, ErrAgain) {
			return err
		}
		select {
		case <-look.C:
		case <-g.closing:
		case <-ctx.Done():
			failed := contextFailed("wait for", g.session, ctx)
			if state, err := g.State(); err == nil {
				failed.Detail = fmt.Sprintf("%d of %d are here, %d connected", state.Here, state.Expect, state.Connected)
			}
			return failed
		}
	}
}

// Next returns the next connection to a member, each once: Conn.PeerName says to whom, its key is proven. A
// member that has crashed and returned is connected anew. It ends when ctx does.
func (g *Group) Next(ctx context.Context) (*Conn, error) {
	var stream *nativeStream
	var result error
	err := awaitContext(ctx, g.closing, func() (wait *readiness, err error) {
		told := g.use("take the next of", func(group *nativeGroup) Code {
			wait, err = newReadiness(groupFD(group))
			return 0
		})
		if told != nil {
			err = told
		}
		return wait, err
	}, func() bool {
		result = g.use("take the next of", func(group *nativeGroup) (code Code) {
			stream, code = groupNext(group)
			return code
		})
		return !errors.Is(result, ErrAgain)
	})
	var told *Error
	switch {
	case err == nil && result == nil:
		return newConn(stream, g.events, g.name)
	case err == nil:
		return nil, result
	case errors.As(err, &told):
		return nil, err
	case ctx.Err() != nil:
		return nil, contextFailed("take the next of", g.session, ctx)
	}
	return nil, waitFailed("take the next of", g.session, err)
}

// State of now.
func (g *Group) State() (state GroupState, err error) {
	err = g.use("look at", func(group *nativeGroup) (code Code) {
		state, code = groupState(group)
		return code
	})
	return state, err
}

// Leave leaves the session, wakes Next and Wait, and closes what Next has not handed out. Connections that it
// has live on. A group that is forgotten is left in the end.
func (g *Group) Leave() error {
	g.guard.Lock()
	defer g.guard.Unlock()
	if g.group == nil {
		return &Error{Op: "leave", Name: g.session, Code: ErrCanceled}
	}
	runtime.SetFinalizer(g, nil)
	close(g.closing)
	groupLeave(g.group)
	g.group = nil
	g.events.leave()
	return nil
}
