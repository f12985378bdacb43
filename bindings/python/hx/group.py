"""A session in which a known number of members meet, each connected to each."""
from __future__ import annotations

import ctypes
import time
from ctypes import byref
from typing import Any, NamedTuple, Optional, Tuple

from hx import _threads, errors
from hx._config import Config, c_text, merged, milliseconds
from hx._events import Tap
from hx._lib import CGroupState, has_groups, lib
from hx._side import Side
from hx._source import Source
from hx.listener import made
from hx.stream import Stream

_LOOK_S = 0.2  # wait() lets a signal's handler, and close(), have their turn so often


class GroupState(NamedTuple):
    """How many members are expected and are in the session, ourselves counted; to how many we are connected."""

    expect: int
    here: int
    connected: int


def discard(pointer: int, tap: Tap) -> None:
    lib().hx_group_leave(pointer)
    tap.release()


class Group(Source):
    """Joins `session` under config.own_name, which must be given and be unique there, and connects to every member.
    Iterating gives a stream for each connection, also for those who come late, until close(). `options`: any field of
    Config. ConflictError: the name or the session is taken; the rest as listen()."""

    taking, _stands = "the next member of", "of"

    def __init__(self, session: str, expect: int, config: Optional[Config] = None, *, timeout: Optional[float] = 10.0,
                 **options: Any) -> None:
        settled = merged(config, options)
        pointer, tap = _threads.interruptible(lambda: join_now(session, expect, settled, timeout),
                                              lambda joined: discard(*joined))
        self._joined(pointer, tap, session, settled)

    def _joined(self, pointer: int, tap: Tap, session: str, config: Config) -> None:
        self.session, self._waits = session, 0
        side = Side(pointer, lib().hx_group_fd, f"the group {session!r}")
        self._begin(side, lib().hx_group_next, discard, session, config, tap)

    @classmethod
    def of(cls, pointer: int, tap: Tap, session: str, config: Config) -> Group:
        """Of what join_now() has made. For event loops."""
        group = cls.__new__(cls)
        group._joined(pointer, tap, session, config)
        return group

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
        if code == errors.TimedOutError.code:
            raise self.late()
        errors.check(code, f"waiting for {self.session!r}")

    def late(self) -> errors.TimedOutError:
        """What wait() raises when the time is over."""
        now = self.state
        return errors.TimedOutError(
            f"waiting for {self.session!r}", f"{now.here} of {now.expect} are here, {now.connected} connected",
            hint="go on with those who are connected, or wait again; members need the same nameserver, session and key")

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
                discard(pointer, self._tap)

    def next(self, timeout: Optional[float] = None) -> Stream:
        """The next member that we are connected to, and that has proven its key; once for each connection. peer_name
        says who it is. TimedOutError after `timeout` seconds, WouldBlockError if it is 0; CanceledError."""
        return self._next(timeout)

    @property
    def state(self) -> GroupState:
        out = CGroupState()
        errors.check(self._side.call(lib().hx_group_state_sized, byref(out), ctypes.sizeof(out)), self.session)
        return GroupState(out.expect, out.here, out.connected)

    def close(self) -> None:
        """Leaves the session (where another thread is in wait(), that does within moments). Streams live on. May be
        called twice."""
        with self._side.lock:
            pointer = self._side.end()
            busy = self._waits > 0
        if pointer is not None and not busy:
            discard(pointer, self._tap)


def join_now(session: str, expect: int, config: Config, timeout: Optional[float]) -> Tuple[int, Tap]:
    if not has_groups():
        raise errors.InvalidArgumentError(f"the group {session!r}", "this libhx has no groups: install a newer one")
    raw = c_text(session, "session")

    def begin(out: Any, struct: Any, size: int) -> int:
        return int(lib().hx_group_join_sized(out, struct, size, raw, expect))
    what = f"joining {session!r}"
    try:
        joined: Tuple[int, Tap] = made(begin, config, timeout, what, lambda pointer, tap: (pointer, tap.hold()))
    except errors.Error as error:
        if error.what != what:  # no key
            raise
        if isinstance(error, errors.NotFoundError):
            raise errors.RejectedError(what, "this nameserver knows no sessions: it is older than they are") from error
        raise errors.of_group(error) from None
    return joined
