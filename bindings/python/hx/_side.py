"""A handle of the library as one of its users sees it: calls that return at once, and waiting between them on the
descriptor that the library gives for that, so that a signal or a close() from another thread ends the wait."""
from __future__ import annotations

import os
import select
import threading
import time
from typing import Any, Callable, List, Optional

from hx import errors

WAIT_MAX_S = 2_000_000.0  # what poll() can wait for at once


class _Waker:
    """By which another thread ends this one's poll()."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(self.writer, False)

    def wake(self) -> None:
        try:
            os.write(self.writer, b"!")
        except BlockingIOError:
            pass  # there is one already

    def clear(self) -> None:
        try:
            os.read(self.reader, 4096)
        except BlockingIOError:
            pass

    def __del__(self) -> None:
        os.close(self.reader)
        os.close(self.writer)


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.spare: List[_Waker] = []  # more than one only while a signal's handler waits, too


_of_thread = _OfThread()
_forked = False


def after_fork(in_use: bool) -> None:
    global _forked
    _of_thread.spare.clear()
    _forked = _forked or in_use


class Side:
    """One direction of a stream, or a listener or a group. Its lock is held for each call into the library, so that
    the handle is freed beside none."""

    def __init__(self, pointer: int, fd_of: Callable[[int], int], what: str) -> None:
        self.pointer: Optional[int] = pointer
        self.what = what
        self.lock = threading.RLock()  # a signal's handler may use the same stream
        self._fd_of = fd_of
        self._fd = -1
        self._wakers: List[_Waker] = []

    def handle(self) -> int:
        """With the lock held. ValueError: it is closed, as for files."""
        if _forked:
            raise errors.ForkError(self.what)
        if self.pointer is None:
            raise ValueError(f"{self.what} is closed")
        return self.pointer

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What the library's function returns."""
        with self.lock:
            return function(self.handle(), *arguments)

    def fileno(self) -> int:
        """Readable while a call would not have to wait. It belongs to the library: poll it, and nothing else."""
        with self.lock:
            if self._fd < 0:
                self._fd = errors.check(self._fd_of(self.handle()), self.what)
            return self._fd

    def until_done(self, attempt: Callable[[int], int], timeout: Optional[float], doing: str = "") -> int:
        """What `attempt`, given the handle, returns, once that is not HX_EAGAIN; HX_EAGAIN if `timeout` is 0, else
        TimedOutError, which says `doing`, after so many seconds."""
        with self.lock:
            got = attempt(self.handle())
        if got != errors.AGAIN or timeout == 0:
            return got
        deadline = None if timeout is None else time.monotonic() + timeout
        waker = _of_thread.spare.pop() if _of_thread.spare else _Waker()
        try:
            return self._poll_until_done(attempt, deadline, waker)
        except errors.TimedOutError:
            raise errors.TimedOutError(f"{doing} {self.what}".lstrip()) from None
        finally:
            waker.clear()
            _of_thread.spare.append(waker)

    def _poll_until_done(self, attempt: Callable[[int], int], deadline: Optional[float], waker: _Waker) -> int:
        poll = select.poll()
        poll.register(waker.reader, select.POLLIN)
        poll.register(self.fileno(), select.POLLIN)
        while True:
            with self.lock:
                if self.pointer is None:
                    raise errors.CanceledError(self.what)
                got = attempt(self.pointer)
                if got != errors.AGAIN:
                    return got
                self._wakers.append(waker)
            try:
                left = WAIT_MAX_S if deadline is None else min(deadline - time.monotonic(), WAIT_MAX_S)
                if left <= 0:
                    raise errors.TimedOutError(self.what)
                poll.poll(left * 1000)
            finally:
                with self.lock:
                    self._wakers.remove(waker)

    def end(self) -> Optional[int]:
        """The handle, to be freed: nobody uses it here any more, and who waits is woken. None: it is closed."""
        if _forked:  # it is the parent's; a thread that is not here may hold the lock
            return None
        with self.lock:
            pointer, self.pointer = self.pointer, None
            for waker in self._wakers:
                waker.wake()
            return pointer
