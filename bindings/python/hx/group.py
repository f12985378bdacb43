"""A session in which a known number of members meet, each connected to each."""
from __future__ import annotations

import ctypes
import functools
import time
import warnings
from ctypes import byref, c_void_p
from types import TracebackType
from typing import Any, Iterator, NamedTuple, Optional, Tuple, Type

from hx import _threads, errors
from hx._config import Config, c_text, merged, milliseconds
from hx._events import Tap
from hx._lib import CGroupState, has_groups, lib, text
from hx._side import Side
from hx.listener import made, stream_of
from hx.stream import Stream

_LOOK_S = 0.2  # wait() lets a signal's handler, and close(), have their turn so often


class GroupState(NamedTuple):
    """How many members are expected and are in the session, ourselves counted; to how many we are connected."""

    expect: int
    here: int
    connected: int


class Group:
    """Joins `session` under config.own_name, which must be given and be unique there, and connects to every member.
    Iterating gives a stream for each connection, also for those who come late, until close(). `options`: any field of
    Config. ConflictError: the name or the session is taken; the rest as listen()."""

    def __init__(self, session: str, expect: int, config: Optional[Config] = None, *, timeout: Optional[float] = 10.0,
                 **options: Any) -> None:
        settled = merged(config, options)
        pointer, tap = _threads.interruptible(lambda: join_now(session, expect, settled, timeout), discard)
        self._begin(pointer, tap, session, settled)

    def _begin(self, pointer: int, tap: Tap, session: str, config: Config) -> None:
        self.session, self._config, self._tap = session, config, tap
        self._waits = 0
        self._side = Side(pointer, lib().hx_group_fd, f"the group {session!r}")

    @classmethod
    def of(cls, pointer: int, tap: Tap, session: str, config: Config) -> Group:
        """Of what join_now() has made. For event loops."""
        group = cls.__new__(cls)
        group._begin(pointer, tap, session, config)
        return group

    def __repr__(self) -> str:
        return f"<hx.Group {self.session!r}{' closed' if self.closed else ''}>"

    @property
    def closed(self) -> bool:
        return self._side.pointer is None

    def wait(self, timeout: Optional[float] = None) -> None:
        """Returns when all who are expected are here and connected to us. TimedOutError after `timeout` seconds: state
        says how many are; go on with those, or wait again."""
        milliseconds(timeout)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _LOOK_S if deadline is None else max(0.0, min(deadline - time.monotonic(), _LOOK_S))
            code = self._wait_once(milliseconds(left))
            late = deadline is not None and time.monotonic() >= deadline
            if code not in (errors.AGAIN, errors.TimedOutError.code) or late:
                break
        if code == errors.AGAIN and timeout != 0:
            code = errors.TimedOutError.code
        errors.check(code, f"waiting for {self.session!r}")

    def _wait_once(self, milli: int) -> int:
        with self._side.lock:
            pointer = self._side.handle()
            self._waits += 1
        try:
            return int(lib().hx_group_wait(pointer, milli))
        finally:
            with self._side.lock:
                self._waits -= 1
                last = self.closed and self._waits == 0
            if last:
                discard((pointer, self._tap))

    def _own(self, pointer: int) -> Stream:
        name = text(lib().hx_peer_name(pointer))
        return stream_of(pointer, self._tap, self._config, f"{name!r} of {self.session!r}")

    def next_now(self) -> Tuple[int, Optional[Stream]]:
        """What hx_group_next() says without waiting. For event loops."""
        out = c_void_p()
        code = int(self._side.call(lib().hx_group_next, byref(out), 0))
        return code, self._own(out.value or 0) if code == 0 else None

    def next(self, timeout: Optional[float] = None) -> Stream:
        """The next member that we are connected to, and that has proven its key; once for each connection. peer_name
        says who it is. TimedOutError after `timeout` seconds, WouldBlockError if it is 0; CanceledError."""
        milliseconds(timeout)
        out, function = c_void_p(), lib().hx_group_next
        errors.check(self._side.until_done(lambda handle: int(function(handle, byref(out), 0)), timeout,
                                           "the next member of"),
                     f"the next member of {self.session!r}")
        return self._own(out.value or 0)

    def __iter__(self) -> Iterator[Stream]:
        while True:
            try:
                yield self.next()
            except (errors.CanceledError, ValueError):
                return

    @property
    def state(self) -> GroupState:
        out = CGroupState()
        errors.check(self._side.call(lib().hx_group_state_sized, byref(out), ctypes.sizeof(out)), self.session)
        return GroupState(out.expect, out.here, out.connected)

    def fileno(self) -> int:
        """For select and poll: readable while next() would not wait. Only poll it."""
        return self._side.fileno()

    def close(self) -> None:
        """Leaves the session (where another thread is in wait(), that does within moments). Streams live on. May be
        called twice."""
        with self._side.lock:
            pointer = self._side.end()
            busy = self._waits > 0
        if pointer is not None and not busy:
            discard((pointer, self._tap))

    def __enter__(self) -> Group:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 where: Optional[TracebackType]) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_side") and not self.closed:
            pointer = self._side.end()
            if pointer is not None:
                _threads.reaper.put(functools.partial(discard, (pointer, self._tap)))
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self)


def join_now(session: str, expect: int, config: Config, timeout: Optional[float]) -> Tuple[int, Tap]:
    if not has_groups():
        raise errors.InvalidArgumentError(f"the group {session!r}", "this libhx has no groups: install a newer one")
    raw = c_text(session, "session")

    def begin(out: Any, struct: Any, size: int) -> int:
        return int(lib().hx_group_join_sized(out, struct, size, raw, expect))
    what = f"joining {session!r}"
    try:
        joined: Tuple[int, Tap] = made(begin, config, timeout, what, lambda pointer, tap: (pointer, tap.hold()))
    except errors.NotFoundError as error:
        if error.what != what:  # no key
            raise
        raise errors.RejectedError(what, "this nameserver knows no sessions: it is older than they are") from error
    return joined


def discard(joined: Tuple[int, Tap]) -> None:
    lib().hx_group_leave(joined[0])
    joined[1].release()
