"""A bound name, and connecting to one."""
from __future__ import annotations

import ctypes
from ctypes import byref, c_void_p
from typing import Any, Callable, Optional

from hx import _threads, errors
from hx._config import Config, as_struct, c_text, merged, milliseconds
from hx._events import Tap
from hx._lib import ADDRESS_MAX, lib, text
from hx._process import in_use
from hx._side import Side
from hx._source import Source, stream_of
from hx.stream import Stream


def made(begin: Callable[[Any, Any, int], int], config: Config, timeout: Optional[float], what: str,
         own: Callable[[int, Tap], Any]) -> Any:
    """What `begin`, which blocks, makes, in the hands of `own`; the nameserver's explanation becomes a part of the
    error."""
    in_use()
    tap = Tap(config.on_event)
    try:
        struct, out = as_struct(config, tap, timeout), c_void_p()
        code = begin(byref(out), byref(struct), ctypes.sizeof(struct))
        if code < 0:
            raise errors.error(code, what, tap.explanation())
        return own(out.value or 0, tap)
    finally:
        tap.release()


def connect_now(name: str, config: Config, timeout: Optional[float]) -> Stream:
    """In the calling thread, whatever signals come."""
    raw, milli, what = c_text(name, "name"), milliseconds(timeout), f"{name!r}"
    stream: Stream = made(
        lambda out, struct, size: int(lib().hx_connect_sized(out, struct, size, raw, milli)), config, 10.0,
        f"connecting to {what}", lambda pointer, tap: stream_of(pointer, tap, config, what))
    return stream


def connect(name: str, config: Optional[Config] = None, *, timeout: Optional[float] = 15.0, **options: Any) -> Stream:
    """Asks the nameserver for `name` and connects to who holds it, within `timeout` seconds (None: no limit).
    `options`: any field of Config. NotFoundError: nobody holds it; PunchError: its holder was not reached;
    TimedOutError, RefusedError, ResolveError: the nameserver was not; and whatever else hx.Error has."""
    settled = merged(config, options)
    return _threads.interruptible(lambda: connect_now(name, settled, timeout), Stream.abort)


def discard(pointer: int, tap: Tap) -> None:
    lib().hx_listener_close(pointer)
    tap.release()


class Listener(Source):
    """A name that is kept bound until close(): the nameserver may restart, and this host's address change. listen()
    makes it. It is an iterator of the streams of those who connect."""

    taking, _stands = "accepting at", "at"

    def __init__(self, pointer: int, name: str, config: Config, tap: Tap) -> None:
        self.name = name
        side = Side(pointer, lib().hx_listener_fd, f"the listener {name!r}")
        self._begin(side, lib().hx_accept, discard, name, config, tap.hold())

    def settimeout(self, timeout: Optional[float]) -> None:
        """Seconds for each accept() that is not told its own; None: no limit; 0: it does not wait."""
        milliseconds(timeout)
        self._timeout = timeout

    def accept(self, timeout: Optional[float] = -1) -> Stream:
        """The next connection. With keys the peer has not proven to have one: the first use of the stream finds out,
        or Stream.handshake(). TimedOutError after `timeout` seconds (None: no limit; not given: settimeout()'s),
        WouldBlockError if it is 0; CanceledError: closed meanwhile."""
        return self._next(self._timeout if timeout == -1 else timeout)

    @property
    def external_address(self) -> str:
        """"ip:port" as the nameserver saw us last; "tcp", or "-" if it is silent."""
        out = ctypes.create_string_buffer(ADDRESS_MAX)
        errors.check(self._side.call(lib().hx_listener_external, out, len(out)), self.name)
        return text(out.value)

    def close(self) -> None:
        """Gives the name back and closes what waits to be accepted. Accepted streams live on. May be called twice."""
        pointer = self._side.end()
        if pointer is not None:
            discard(pointer, self._tap)


def listen_now(name: str, config: Config, timeout: Optional[float]) -> Listener:
    raw = c_text(name, "name")
    listener: Listener = made(
        lambda out, struct, size: int(lib().hx_bind_sized(out, struct, size, raw)), config, timeout,
        f"listening as {name!r}", lambda pointer, tap: Listener(pointer, name, config, tap))
    return listener


def listen(name: str, config: Optional[Config] = None, *, timeout: Optional[float] = 10.0, **options: Any) -> Listener:
    """Binds `name` at the nameserver, within `timeout` seconds (None: no limit), and keeps it. `options`: any field of
    Config. ConflictError: somebody alive holds it; TimedOutError, RefusedError, ResolveError: the nameserver was not
    reached; LimitError: it has no room; RejectedError: it did not agree."""
    settled = merged(config, options)
    return _threads.interruptible(lambda: listen_now(name, settled, timeout), Listener.close)
