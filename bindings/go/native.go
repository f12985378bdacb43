package hx

/*
#cgo LDFLAGS: -lhx
#include <hx.h>
#include <stdlib.h>
#include <string.h>

static void on_event(void *user, const struct hx_event_info *info)
{
    extern void hxgoEvent(uintptr_t handler, struct hx_event_info *info);
    hxgoEvent((uintptr_t)user, (struct hx_event_info *)info);
}

// A number, as a late event of a handler that is gone must find nothing.
static void tell(struct hx_config *config, uintptr_t handler)
{
    config->on_event = on_event;
    config->user = (void *)handler;
}
*/
import "C"

import (
	"strings"
	"time"
	"unsafe"
)

// All that is C is in this file and in events.go, as each file that imports it costs a second of a compiler.

type (
	nativeStream   = C.struct_hx_stream
	nativeListener = C.struct_hx_listener
	nativeGroup    = C.struct_hx_group
)

// The lists of codes and of events are those of hx.h, first to last.
var (
	_ = [1]int{}[C.HX_EAGAIN-ErrAgain]
	_ = [1]int{}[C.HX_EDENIED-ErrDenied]
	_ = [1]int{}[C.HX_EVENT_BOUND-EventBound]
	_ = [1]int{}[C.HX_EVENT_MEMBER_LEFT-EventMemberLeft]
	_ = [1]int{}[C.HX_TRANSPORT_TCP-TransportTCP]
)

// GenerateKey writes a new key for Config.Keys: 160 random bits and a checksum.
func GenerateKey() (string, error) {
	var text [C.HX_KEY_TEXT_MAX]C.char
	if code := C.hx_key_generate(&text[0]); code < 0 {
		return "", &Error{Op: "generate a key", Code: Code(code)}
	}
	return C.GoString(&text[0]), nil
}

// GenerateDeviceKey writes a new key for Config.DeviceKey, which nobody else may read.
func GenerateDeviceKey() (string, error) {
	var text [C.HX_KEY_TEXT_MAX]C.char
	if code := C.hx_device_key_generate(&text[0]); code < 0 {
		return "", &Error{Op: "generate a key of a device", Code: Code(code)}
	}
	return C.GoString(&text[0]), nil
}

// DeviceKeyPublic is what a nameserver's operator is told of it: "ed25519:" and 43 characters.
func DeviceKeyPublic(deviceKey string) (string, error) {
	var text [C.HX_KEY_TEXT_MAX]C.char
	key := C.CString(deviceKey)
	defer func() {
		C.memset(unsafe.Pointer(key), 0, C.size_t(len(deviceKey)))
		C.free(unsafe.Pointer(key))
	}()
	if code := C.hx_device_key_public(&text[0], key); code < 0 {
		return "", &Error{Op: "read the key of a device", Code: Code(code)}
	}
	return C.GoString(&text[0]), nil
}

// Version of the library in use, as "0.1.0".
func Version() string { return C.GoString(C.hx_version()) }

// Cleanup ends the library in this process: what was written before a Close or a CloseWrite leaves this host,
// then all connections are closed, and peers and nameserver learn of it. It takes about half a second. Every
// call that waits returns an error that is net.ErrClosed, and so does every later one.
func Cleanup() {
	C.hx_cleanup()
	closers.Wait()
}

func strerror(code Code) string { return C.GoString(C.hx_strerror(C.int(code))) }

// milliseconds as libhx has them: 0 its default, -1 without an end.
func milliseconds(d time.Duration) C.int {
	switch {
	case d < 0:
		return -1
	case d > (1<<31-2)*time.Millisecond:
		return 1<<31 - 1
	}
	return C.int((d + time.Millisecond - 1) / time.Millisecond)
}

func flag(set bool) C.int {
	if set {
		return 1
	}
	return 0
}

// native calls `use` with the config and the name as libhx has them, which live as long as the call.
func (c *Config) native(handler *handler, name string, use func(config *C.struct_hx_config, name *C.char) C.int) Code {
	var config C.struct_hx_config
	var texts []unsafe.Pointer
	cut := strings.IndexByte(name, 0) >= 0 // C would see only what comes before it
	text := func(s string) *C.char {
		cut = cut || strings.IndexByte(s, 0) >= 0
		if s == "" {
			return nil
		}
		p := C.CString(s)
		texts = append(texts, unsafe.Pointer(p))
		return p
	}
	config.nameserver, config.name, config.stun = text(c.Nameserver), text(c.Name), text(c.STUN)
	config.keys, config.state_dir = text(c.Keys), text(c.StateDir)
	config.device_key = text(c.DeviceKey)
	config.local_port = C.uint16_t(c.LocalPort)
	config.wait_s = C.int((c.Wait + time.Second - 1) / time.Second)
	config.timeout_ms, config.punch_ms = milliseconds(c.Timeout), milliseconds(c.Punch)
	config.linger_ms, config.relay_after_ms = milliseconds(c.Linger), milliseconds(c.RelayAfter)
	config.backlog, config.family, config.transport = C.int(c.Backlog), C.int(c.Family), C.int(c.Transport)
	config.no_port_mapping, config.path_events = flag(c.NoPortMapping), flag(c.PathEvents)
	config.no_host_candidates = flag(c.NoHostCandidates)
	C.tell(&config, C.uintptr_t(handler.number))
	own := C.CString(name)
	texts = append(texts, unsafe.Pointer(own))
	code := C.int(ErrInvalid)
	if !cut {
		code = use(&config, own)
	}
	if config.keys != nil {
		C.memset(unsafe.Pointer(config.keys), 0, C.size_t(len(c.Keys)))
	}
	if config.device_key != nil {
		C.memset(unsafe.Pointer(config.device_key), 0, C.size_t(len(c.DeviceKey)))
	}
	for _, p := range texts {
		C.free(p)
	}
	return Code(code)
}

func listenerBind(c *Config, events *handler, name string) (l *nativeListener, code Code) {
	code = c.native(events, name, func(config *C.struct_hx_config, name *C.char) C.int {
		return C.hx_bind_sized(&l, config, C.sizeof_struct_hx_config, name)
	})
	return l, code
}

func groupJoin(c *Config, events *handler, session string, expect int) (g *nativeGroup, code Code) {
	code = c.native(events, session, func(config *C.struct_hx_config, session *C.char) C.int {
		return C.hx_group_join_sized(&g, config, C.sizeof_struct_hx_config, session, C.int(expect))
	})
	return g, code
}

func groupNext(g *nativeGroup) (s *nativeStream, code Code) {
	code = Code(C.hx_group_next(g, &s, 0))
	return s, code
}

func groupState(g *nativeGroup) (GroupState, Code) {
	var state C.struct_hx_group_state
	code := C.hx_group_state_sized(g, &state, C.sizeof_struct_hx_group_state)
	return GroupState{int(state.expect), int(state.here), int(state.connected)}, Code(code)
}

func groupComplete(g *nativeGroup) Code { return Code(C.hx_group_wait(g, 0)) }
func groupFD(g *nativeGroup) int        { return int(C.hx_group_fd(g)) }
func groupLeave(g *nativeGroup)         { C.hx_group_leave(g) }

func listenerAccept(l *nativeListener) (s *nativeStream, code int) {
	code = int(C.hx_accept(l, &s, 0))
	return s, code
}

func listenerFD(l *nativeListener) int  { return int(C.hx_listener_fd(l)) }
func listenerClose(l *nativeListener)   { C.hx_listener_close(l) }
func streamFD(s *nativeStream) int      { return int(C.hx_stream_fd(s)) }
func streamWriteFD(s *nativeStream) int { return int(C.hx_stream_write_fd(s)) }

// streamConnect holds its thread until it is over.
func streamConnect(c *Config, events *handler, name string) (s *nativeStream, code Code) {
	code = c.native(events, name, func(config *C.struct_hx_config, name *C.char) C.int {
		return C.hx_connect_sized(&s, config, C.sizeof_struct_hx_config, name, config.timeout_ms)
	})
	return s, code
}

func streamRead(s *nativeStream, p []byte) int {
	return int(C.hx_read(s, unsafe.Pointer(&p[0]), C.size_t(len(p)), 0))
}

func streamWrite(s *nativeStream, p []byte) int {
	return int(C.hx_write(s, unsafe.Pointer(&p[0]), C.size_t(len(p)), 0))
}

func streamProve(s *nativeStream) Code { return Code(C.hx_handshake(s, 0)) }
func streamEnd(s *nativeStream) Code   { return Code(C.hx_shutdown(s)) }
func streamAbort(s *nativeStream)      { C.hx_abort(s) }

// streamClose holds its thread until the peer has read what was written before streamEnd.
func streamClose(s *nativeStream) Code { return Code(C.hx_close(s)) }

func streamPeer(s *nativeStream) string  { return C.GoString(C.hx_peer_name(s)) }
func streamLabel(s *nativeStream) string { return C.GoString(C.hx_peer_label(s)) }
func streamKey(s *nativeStream) string   { return C.GoString(C.hx_peer_key(s)) }

// addressOf what one of libhx's functions writes.
func addressOf(write func(text *C.char, size C.size_t) C.int) string {
	var text [C.HX_ADDRESS_MAX]C.char
	if write(&text[0], C.HX_ADDRESS_MAX) < 0 {
		return "-"
	}
	return C.GoString(&text[0])
}

func listenerExternal(l *nativeListener) string {
	return addressOf(func(text *C.char, size C.size_t) C.int { return C.hx_listener_external(l, text, size) })
}

func streamExternal(s *nativeStream) string {
	return addressOf(func(text *C.char, size C.size_t) C.int { return C.hx_external(s, text, size) })
}

func streamPeerAddress(s *nativeStream) string {
	return addressOf(func(text *C.char, size C.size_t) C.int { return C.hx_peer(s, text, size) })
}

func streamPath(s *nativeStream) (Path, Code) {
	var path C.struct_hx_path
	code := C.hx_stream_path_sized(s, &path, C.sizeof_struct_hx_path)
	return Path{Kind: C.GoString(&path.kind[0]), Address: C.GoString(&path.address[0]),
		RoundTrip: time.Duration(path.rtt_us) * time.Microsecond}, Code(code)
}
